"""Which words are closed lists, and which law or standard each comes from?"""

from __future__ import annotations

from enum import StrEnum


class LawfulBasis(StrEnum):
    """Why a side may process: UK GDPR Article 6(1)."""

    CONSENT = "consent"  # 6(1)(a)
    CONTRACT = "contract"  # 6(1)(b)
    LEGAL_OBLIGATION = "legal_obligation"  # 6(1)(c)
    VITAL_INTERESTS = "vital_interests"  # 6(1)(d)
    PUBLIC_TASK = "public_task"  # 6(1)(e)
    RECOGNISED_LEGITIMATE_INTEREST = "recognised_legitimate_interest"  # 6(1)(ea)
    LEGITIMATE_INTERESTS = "legitimate_interests"  # 6(1)(f)


class Regime(StrEnum):
    """Which part of data protection law governs a side."""

    UK_GDPR = "uk_gdpr"
    LAW_ENFORCEMENT = "dpa_2018_part_3"  # Data Protection Act 2018, Part 3


class SpecialCategoryCondition(StrEnum):
    """Why special category data may be processed: UK GDPR Article 9(2)."""

    EXPLICIT_CONSENT = "explicit_consent"  # 9(2)(a)
    EMPLOYMENT_SOCIAL_SECURITY = "employment_social_security"  # 9(2)(b)
    VITAL_INTERESTS = "vital_interests"  # 9(2)(c)
    NOT_FOR_PROFIT_BODIES = "not_for_profit_bodies"  # 9(2)(d)
    MADE_PUBLIC = "made_public"  # 9(2)(e)
    LEGAL_CLAIMS = "legal_claims"  # 9(2)(f)
    SUBSTANTIAL_PUBLIC_INTEREST = "substantial_public_interest"  # 9(2)(g)
    HEALTH_OR_SOCIAL_CARE = "health_or_social_care"  # 9(2)(h)
    PUBLIC_HEALTH = "public_health"  # 9(2)(i)
    RESEARCH = "research"  # 9(2)(j)


class SpecialCategory(StrEnum):
    """What makes data special: UK GDPR Article 9(1)."""

    RACIAL_OR_ETHNIC_ORIGIN = "racial_or_ethnic_origin"
    POLITICAL_OPINIONS = "political_opinions"
    RELIGION_OR_BELIEF = "religion_or_belief"
    TRADE_UNION = "trade_union"
    GENETIC = "genetic"
    BIOMETRIC = "biometric"
    HEALTH = "health"
    SEX_LIFE = "sex_life"
    SEXUAL_ORIENTATION = "sexual_orientation"


class Classification(StrEnum):
    """How sensitive a field is; a form keeps its field's classification."""

    NON_PERSONAL = "non_personal"
    PERSONAL = "personal"
    SPECIAL_CATEGORY = "special_category"  # UK GDPR Article 9
    CRIMINAL_OFFENCE = "criminal_offence"  # UK GDPR Article 10


class Tag(StrEnum):
    """What a field reveals besides its own meaning, so that guardrails can name it."""

    LOCATION = "location"
    GENDER_HISTORY = "gender_history"
    ADOPTION = "adoption"
    THIRD_PERSON = "third_person"


class Origin(StrEnum):
    """Another body that data came from, whose own rules may follow them."""

    DWP = "dwp"
    HMRC = "hmrc"
    NHS = "nhs"
    POLICE = "police"


class RecipientKind(StrEnum):
    """What sort of organisation a partner is; exactly one per agreement."""

    HOUSING_ASSOCIATION = "housing_association"
    CHARITY = "charity"
    NHS = "nhs"
    POLICE = "police"
    AMBULANCE = "ambulance"
    FIRE = "fire"
    COUNCIL = "council"
    GOVERNMENT_DEPARTMENT = "government_department"
    ACADEMY_TRUST = "academy_trust"
    SCHOOL = "school"
    REGULATOR = "regulator"
    COMPANY = "company"


class AssuranceLevel(StrEnum):
    """What a partner has shown of its security, to whom. Each has evidence, and a last day."""

    DSPT_STANDARDS_MET = "dspt_standards_met"  # NHS Data Security and Protection Toolkit
    DSPT_STANDARDS_EXCEEDED = "dspt_standards_exceeded"
    CYBER_ESSENTIALS = "cyber_essentials"
    CYBER_ESSENTIALS_PLUS = "cyber_essentials_plus"
    ISO_27001 = "iso_27001"
    PSN_CONNECTION = "psn_connection"  # Public Services Network, code of connection


class CodeScheme(StrEnum):
    """Who gives an organisation its official code."""

    ODS = "ods"  # NHS Organisation Data Service
    ONS = "ons"  # Office for National Statistics: nine characters, of a council say
    COMPANIES_HOUSE = "companies_house"
    CHARITY = "charity"  # the three charity regulators
    UKPRN = "ukprn"  # UK Register of Learning Providers
    URN = "urn"  # Get Information about Schools


class ContactRole(StrEnum):
    """Whom to reach at a partner, for what."""

    DPO = "dpo"
    SECURITY = "security"
    TECHNICAL = "technical"
    URGENT = "urgent"


# Bodies that may not rest their own tasks on legitimate interests: UK GDPR Article 6(1), last sentence.
PUBLIC_AUTHORITIES = frozenset(
    {
        RecipientKind.NHS,
        RecipientKind.POLICE,
        RecipientKind.AMBULANCE,
        RecipientKind.FIRE,
        RecipientKind.COUNCIL,
        RecipientKind.GOVERNMENT_DEPARTMENT,
        RecipientKind.ACADEMY_TRUST,
        RecipientKind.SCHOOL,
        RecipientKind.REGULATOR,
    }
)


class Relationship(StrEnum):
    """How the recipient stands to the controller."""

    INDEPENDENT_CONTROLLER = "independent_controller"
    JOINT_CONTROLLER = "joint_controller"  # UK GDPR Article 26
    PROCESSOR = "processor"  # UK GDPR Article 28


class Outcome(StrEnum):
    """How much of what was asked has left."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


class Identity(StrEnum):
    """What a partner learns of the search for a person."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"


class Match(StrEnum):
    """What the log knows of the search for a person."""

    CONFIRMED = "confirmed"
    NOBODY = "nobody"
    SEVERAL = "several"
    MISMATCH = "mismatch"
    PROTECTED_BY_PLACE = "protected_by_place"
    TOO_MANY_MISSES = "too_many_misses"


class Action(StrEnum):
    """What a token may be used for (authorization_details `actions`: RFC 9396, section 2.2)."""

    READ = "read"
    VERIFY = "verify"
    MATCH = "match"


class Assurance(StrEnum):
    """How sure it is that the caseworker is who is named."""

    ASSERTED = "asserted"  # by the request alone
    VOUCHED = "vouched"  # by the partner's own key, for this person, role and reason


class EmergencyKind(StrEnum):
    """What sort of emergency a caseworker declares."""

    RISK_TO_LIFE = "risk_to_life"
    SERIOUS_HARM = "serious_harm"
    CHILD_AT_RISK = "child_at_risk"
    ADULT_AT_RISK = "adult_at_risk"
    PUBLIC_HEALTH = "public_health"
    CIVIL_EMERGENCY = "civil_emergency"


class ConsentKind(StrEnum):
    """In what sense a yes was given."""

    UK_GDPR = "uk_gdpr"  # UK GDPR Article 6(1)(a), Article 7
    EXPLICIT = "explicit"  # UK GDPR Article 9(2)(a)
    CONFIDENTIALITY = "confidentiality"  # common law duty of confidentiality
    STATUTORY = "statutory"  # a statute's own consent


class ConsentState(StrEnum):
    """Where a consent record stands."""

    ASKED = "asked"
    REFUSED = "refused"
    GIVEN = "given"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LAPSED = "lapsed"


class GivenBy(StrEnum):
    """Who spoke for the data subject."""

    SELF = "self"
    PARENTAL_RESPONSIBILITY = "parental_responsibility"  # Children Act 1989, section 3
    ATTORNEY = "attorney"  # Mental Capacity Act 2005, section 9
    DEPUTY = "deputy"  # Mental Capacity Act 2005, section 16


class Capacity(StrEnum):
    """Whether the person could decide, as the recorder judged: Mental Capacity Act 2005, sections 2 and 3."""

    PRESUMED = "presumed"
    ASSESSED = "assessed"
    LACKING = "lacking"


class RestrictionKind(StrEnum):
    """Why use of a person's data is held back."""

    ARTICLE_18 = "article_18"  # UK GDPR Article 18
    OBJECTION_PENDING = "objection_pending"  # UK GDPR Article 21
    OBJECTION_UPHELD = "objection_upheld"  # UK GDPR Article 21
    OPT_OUT = "opt_out"
    ACCURACY_DISPUTED = "accuracy_disputed"  # UK GDPR Article 18(1)(a)


class RestrictionLaw(StrEnum):
    """Which of three laws a hold is of: each holds back other lines."""

    RESTRICTION = "restriction"  # UK GDPR Article 18
    OBJECTION = "objection"  # UK GDPR Article 21
    OPT_OUT = "opt_out"  # a scheme's own rules


class OptOutScheme(StrEnum):
    """A scheme that people opt out of, with rules of its own."""

    NATIONAL_DATA_OPT_OUT = "national_data_opt_out"  # NHS: confidential patient information beyond one's own care


class ObjectionDecision(StrEnum):
    """Why an objection holds nothing back any more: UK GDPR Article 21(1). By a named officer, with reasons."""

    COMPELLING_GROUNDS = "compelling_grounds"
    LEGAL_CLAIM = "legal_claim"


class Despite(StrEnum):
    """What lets a release line survive a restriction: UK GDPR Article 18(2)."""

    CONSENT = "consent"
    LEGAL_CLAIM = "legal_claim"
    RIGHTS_OF_ANOTHER = "rights_of_another"
    IMPORTANT_PUBLIC_INTEREST = "important_public_interest"


class TextState(StrEnum):
    """Where one version of a published text stands today."""

    LIVE = "live"
    FUTURE = "future"  # its first day is to come
    OVER = "over"  # its last day has passed, or a later version has taken its place
    ENDED = "ended"  # somebody ended it
    UNREADABLE = "unreadable"  # it was changed where it lies, or rests on what was: nothing is disclosed under it


class Environment(StrEnum):
    """Whether a gateway answers about people, or about made-up ones for partners' tests."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"
