"""Which powers and duties does this build know by name? No register of powers: a list against slips of the pen.

An id is the short title in lower case, its year, and the section (`s`), paragraph of a schedule (`sch1-p2`) or nothing for
the whole. That one stands here says that a statute has such a section, and nothing of who may disclose what under it:
that is counsel's to say, as it is where one does not stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

POWERS: Final[Mapping[str, str]] = {
    "academies-act-2010-s1": "Academies Act 2010, section 1",
    "care-act-2014-s2": "Care Act 2014, section 2",
    "care-act-2014-s6": "Care Act 2014, section 6",
    "care-act-2014-s7": "Care Act 2014, section 7",
    "care-act-2014-s42": "Care Act 2014, section 42",
    "care-act-2014-s45": "Care Act 2014, section 45",
    "children-act-1989": "Children Act 1989",
    "children-act-1989-s17": "Children Act 1989, section 17",
    "children-act-1989-s22": "Children Act 1989, section 22",
    "children-act-1989-s22g": "Children Act 1989, section 22G",
    "children-act-1989-s27": "Children Act 1989, section 27",
    "children-act-1989-s47": "Children Act 1989, section 47",
    "children-act-2004-s10": "Children Act 2004, section 10",
    "children-act-2004-s11": "Children Act 2004, section 11",
    "crime-and-disorder-act-1998-s115": "Crime and Disorder Act 1998, section 115",
    "digital-economy-act-2017-s35": "Digital Economy Act 2017, section 35",
    "digital-economy-act-2017-s48": "Digital Economy Act 2017, section 48",
    "fire-and-rescue-services-act-2004-s6": "Fire and Rescue Services Act 2004, section 6",
    "housing-act-1985": "Housing Act 1985",
    "housing-act-1996-s195": "Housing Act 1996, section 195",
    "local-government-act-1972-s111": "Local Government Act 1972, section 111",
    "local-government-finance-act-1992": "Local Government Finance Act 1992",
    "localism-act-2011-s1": "Localism Act 2011, section 1",
    "national-health-service-act-2006-s82": "National Health Service Act 2006, section 82",
    "public-libraries-and-museums-act-1964-s7": "Public Libraries and Museums Act 1964, section 7",
    "welfare-reform-act-2012-s131": "Welfare Reform Act 2012, section 131",
}
