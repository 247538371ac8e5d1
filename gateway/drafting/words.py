"""What does the name of a column say? Words by which people name what is sensitive, and what is not."""

from __future__ import annotations

import re
from typing import Final

from schemas.terms import Origin, SpecialCategory, Tag

# Each list is of beginnings: `disab` is found in `disabled_ind`. A word of three letters or fewer must be whole.
SPECIAL: Final = {
    SpecialCategory.HEALTH: """
        health ill illness disab medic diagnos pregnan preg mental gp sen send allerg sdq immunis vaccin dental dentist
    teeth blood hiv substance drug alcohol hospital ward_round impair wheelchair wchair wheel incapab
    incapac treatment
        therap autis dementia condition symptom care support_need housingneeds needs equal_access equal accessib prescri
        sick wellbeing injur bereav surgery nurs clinic sight hearing vision mobility dexter stamina memory carer_ind
    """,
    SpecialCategory.RACIAL_OR_ETHNIC_ORIGIN: """
        ethnic race racial nationalit birth_country country_of_birth asylum uasc immigra travell refugee origin language
        mother_tongue tribe caste
    """,
    SpecialCategory.RELIGION_OR_BELIEF: "relig faith belief church mosque denominat halal kosher",
    SpecialCategory.POLITICAL_OPINIONS: "politic vote voting party_member canvass",
    SpecialCategory.TRADE_UNION: "trade_union union",
    SpecialCategory.SEXUAL_ORIENTATION: "orientation sexuality sexual lgb gay",
    SpecialCategory.SEX_LIFE: "sex_life contracep",
    SpecialCategory.GENETIC: "genetic genom dna",
    SpecialCategory.BIOMETRIC: "biometric fingerprint iris facial voiceprint",
}
CRIMINAL: Final = """
    convict offen crime crimin caution arrest custod probation prison sentenc remand police asbo mappa dbs yot yjs
    youth_justice court bail victim perpetrat suspect charged
"""
TAGS: Final = {
    Tag.LOCATION: """
        addr street road town city village county postcode post_code postal pcode zip uprn usrn lat lon latitude longitude
        easting northing grid ward parish property propcode propref place placement location la lsoa school provider urn
        landlord_ref home house building flat premises site hostel refuge w3w pl_post home_post
    """,
    Tag.GENDER_HISTORY: """
        former previous_name prev_name previous_surname maiden alias known_as aka birth_name birth_sex sex_at gender_at
        assigned transgender trans gender_rec grc gender_ident deadname previous_gender previous_title old_name other_name
    """,
    Tag.ADOPTION: """
        adopt birth_mother birth_father birth_parent birth_family biolog natural_parent placed date_placed date_match
        placement_order prev_perm matched foster_care freed
    """,
    Tag.THIRD_PERSON: """
        partner spouse wife husband joint mother father parent mum dad carer guardian nok next_of_kin kin sibling brother
        sister landlord owner emergency contact relat household member hhmem appointee attorney executor advocate worker
        officer referrer gp doctor second other_person mc_dob
    """,
}
ORIGINS: Final = {
    Origin.DWP: "dwp benefit hb uc universal esa jsa pip dla pension_credit income_support hbclaim claim tshortfall",
    Origin.HMRC: "hmrc paye tax_credit self_assess wtc ctc",
    Origin.NHS: "nhs summary_care",
    Origin.POLICE: "police pnc niche",
}
FREE_TEXT: Final = "note notes comment remark descript detail free memo narrat text message reason summary circumstance"
MARKERS: Final = """
    protect restrict sensitive confiden hidden hide risk warn danger refuge do_not dnc vip suppress shielded
    secret not_shown
    silent silence
"""
DECEASED: Final = "deceas died dead death"
# What a column may be named after without being more than personal data. A name with none of these is not understood.
PLAIN: Final = """
    account ref reference id ident number no num code key name forename firstname first middle last surname
    lastname initial
    title dob born birth date day month year from to start end began begin since until created updated modified opened
    closed status state type kind category band amount balance paid pay payment rent charge cost fee price total
    arrears debt
    due owed deduct discount exempt instalment method frequency bank email mail phone tel telephone mobile fax
    address addr
    line post postcode uprn usrn property street town city county ward parish live active current lead main primary
    flag ind
    indicator count size beds bedroom room tenancy tenancycode tenure lease unit floor sex gender age nino insurance
    upn pupil
    unique client customer person party member tenant resident citizen child children patient user case officer
    team source
    system version row record occupation vacation occupied vacated council owned owner bill billing liable liab
    stage recovery
    consent access preferred contact urn la earn income net gross week weekly monthly annual vehicle reg permit
    parking bin
    collection library card loan lent review order decom dec startdate voiddate joint
    for by of at in on is paymeth
"""
NAMES: Final = "name forename surname firstname lastname middlename fullname initials givenname familyname known_as alias"
MONEY: Final = """
    amount balance rent charge cost fee price total arrears debt due owed paid payment income earn deduct discount
    net gross
    scharge pscharge supcharg tcharge brent shortfall fines
"""
REFERENCES: Final = "ref reference id ident number no num key code urn guid uuid tenancycode propcode account"
PEOPLE: Final = (
    "person party client customer tenant resident citizen child patient pupil member subject contact user individual"
)
OTHERS: Final = (
    "joint",
    "partner",
    "spouse",
    "mother",
    "father",
    "parent",
    "carer",
    "guardian",
    "nok",
    "landlord",
    "second",
    "appointee",
)
_SHORT: Final = 3
_LISTS: Final = (PLAIN, NAMES, FREE_TEXT, CRIMINAL, DECEASED, MARKERS, *SPECIAL.values(), *TAGS.values(), *ORIGINS.values())
_JOINING: Final = frozenset({"for", "by", "of", "at", "in", "on", "is", "to", "from"})  # values have them as names do
_WHOLE: Final = frozenset(" ".join(_LISTS).split()) - _JOINING
# Shorter ones begin many a surname: `town` Townsend, `ward` Wardle.
_BEGINNINGS: Final = tuple(sorted(one for one in _WHOLE if len(one) > _SHORT + 1))


def tokens(name: str) -> tuple[str, ...]:
    """Return the words of a column's name, in lower case: `LeadBirthDate` and `lead_birth_date` have the same."""
    spaced = re.sub(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return tuple(one for one in re.split(r"[^a-z0-9]+", spaced.lower()) if one)


def is_understood(name: str) -> bool:
    """Tell whether every word of a name is one that usually names nothing worse than personal data."""
    return bool(tokens(name)) and all(says(word, PLAIN) or word.isdigit() for word in tokens(name))


def is_a_word_for_columns(name: str) -> bool:
    """Tell whether a name has a word that columns are usually called by, and few people or places."""
    bare = [one.rstrip("0123456789") for one in tokens(name)]
    return any({one, one.removesuffix("s")} & _WHOLE or one.startswith(_BEGINNINGS) for one in bare)


def says(name: str, beginnings: str) -> bool:
    """Tell whether a name has a word of a list: by its beginning, or whole where the list's word is short."""
    words = tokens(name)
    joined = "_" + "_".join(words)
    for one in beginnings.split():
        if len(one) <= _SHORT:
            if any(re.sub(r"\d+$", "", word) == one for word in words):
                return True
        elif "_" + one in joined:
            return True
    return False
