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


class Reason(StrEnum):
    """Why a field is withheld, as the partner is told. The log may know a truer one."""

    AGREEMENT_NOT_FOUND = "agreement_not_found"
    AGREEMENT_NOT_IN_FORCE = "agreement_not_in_force"
    NOT_A_RECIPIENT = "not_a_recipient"
    PURPOSE_NOT_AGREED = "purpose_not_agreed"
    ACTION_NOT_AGREED = "action_not_agreed"
    CASEWORKER_NEEDED = "caseworker_needed"
    VOUCHING_NEEDED = "vouching_needed"
    CASE_REFERENCE_NEEDED = "case_reference_needed"
    ROLE_NOT_AGREED = "role_not_agreed"
    OUTSIDE_THE_TOKEN = "outside_the_token"  # noqa: S105 -- a reason, not a secret
    FIELD_NOT_AGREED = "field_not_agreed"
    CONSENT_NEEDED = "consent_needed"
    STATEMENT_NEEDED = "statement_needed"
    ASSESSMENT_NEEDED = "assessment_needed"
    EMERGENCY_ONLY = "emergency_only"
    RESTRICTED = "restricted"
    LIMIT_REACHED = "limit_reached"  # of one person among many; a call about one is answered 429
    NOT_AVAILABLE = "not_available"


class TrueReason(StrEnum):
    """Why a field was withheld once the record was read. Only the log holds these."""

    NOT_HELD = "not_held"
    SOURCE_VALUE_INVALID = "source_value_invalid"
    NOT_CONFIRMED = "not_confirmed"
    RECORD_CONDITION = "record_condition"
    RECORD_CAP = "record_cap"
    GUARDRAIL_TRIPPED = "guardrail_tripped"
    CLAIM_NOT_COMPARABLE = "claim_not_comparable"


class Remedy(StrEnum):
    """What would change a reason: one fixed answer to each."""

    ASK_FOR_AN_AGREEMENT = "ask_for_an_agreement"
    RENEW_THE_AGREEMENT = "renew_the_agreement"
    STATE_AN_AGREED_PURPOSE = "state_an_agreed_purpose"
    SEND_A_CASEWORKER = "send_a_caseworker"
    SEND_A_SIGNED_CONTEXT = "send_a_signed_context"
    SEND_A_CASE_REFERENCE = "send_a_case_reference"
    ASK_IN_AN_AGREED_ROLE = "ask_in_an_agreed_role"
    ASK_FOR_A_WIDER_TOKEN = "ask_for_a_wider_token"  # noqa: S105 -- a remedy, not a secret
    ASK_FOR_A_CHANGE_OF_AGREEMENT = "ask_for_a_change_of_agreement"
    ASK_FOR_CONSENT = "ask_for_consent"
    SEND_A_STATEMENT = "send_a_statement"
    SEND_AN_ASSESSMENT_REFERENCE = "send_an_assessment_reference"
    DECLARE_AN_EMERGENCY_IF_THERE_IS_ONE = "declare_an_emergency_if_there_is_one"
    ASK_THE_CONTROLLER = "ask_the_controller"
    ASK_AGAIN_LATER = "ask_again_later"
    NONE = "none"


REMEDY_OF: dict[Reason, tuple[Remedy, str]] = {
    Reason.AGREEMENT_NOT_FOUND: (
        Remedy.ASK_FOR_AN_AGREEMENT,
        "No agreement lets you ask for this. Agree one with the controller.",
    ),
    Reason.AGREEMENT_NOT_IN_FORCE: (
        Remedy.RENEW_THE_AGREEMENT,
        "The agreement is not in force today. Renew it with the controller.",
    ),
    Reason.NOT_A_RECIPIENT: (
        Remedy.ASK_FOR_AN_AGREEMENT,
        "The agreement does not name you as a recipient. Agree one with the controller.",
    ),
    Reason.PURPOSE_NOT_AGREED: (
        Remedy.STATE_AN_AGREED_PURPOSE,
        "The agreement is for another purpose. Ask for a token with an agreed purpose.",
    ),
    Reason.ACTION_NOT_AGREED: (
        Remedy.ASK_FOR_A_WIDER_TOKEN,
        "Your token does not name this action. Ask for one that does.",
    ),
    Reason.CASEWORKER_NEEDED: (
        Remedy.SEND_A_CASEWORKER,
        "Say which caseworker asks: send the member caseworker.",
    ),
    Reason.VOUCHING_NEEDED: (
        Remedy.SEND_A_SIGNED_CONTEXT,
        "Vouch for the caseworker: send a context that you signed, in the header Stile-Context.",
    ),
    Reason.CASE_REFERENCE_NEEDED: (
        Remedy.SEND_A_CASE_REFERENCE,
        "Say which case this is for: send the member case_reference.",
    ),
    Reason.ROLE_NOT_AGREED: (
        Remedy.ASK_IN_AN_AGREED_ROLE,
        "The caseworker's role is not one that the agreement names for this.",
    ),
    Reason.OUTSIDE_THE_TOKEN: (
        Remedy.ASK_FOR_A_WIDER_TOKEN,
        "Your token was asked for without this field. Ask for one with it.",
    ),
    Reason.FIELD_NOT_AGREED: (
        Remedy.ASK_FOR_A_CHANGE_OF_AGREEMENT,
        "No line of the agreement releases this field to you.",
    ),
    Reason.CONSENT_NEEDED: (
        Remedy.ASK_FOR_CONSENT,
        "The agreement releases this only with the person's live consent.",
    ),
    Reason.STATEMENT_NEEDED: (
        Remedy.SEND_A_STATEMENT,
        "The agreement releases this only with a statement of your public task.",
    ),
    Reason.ASSESSMENT_NEEDED: (
        Remedy.SEND_AN_ASSESSMENT_REFERENCE,
        "The agreement releases this only at high risk, with the assessment's reference.",
    ),
    Reason.EMERGENCY_ONLY: (
        Remedy.DECLARE_AN_EMERGENCY_IF_THERE_IS_ONE,
        "The agreement releases this only in an emergency. Each is recorded, for the council to review.",
    ),
    Reason.RESTRICTED: (
        Remedy.ASK_THE_CONTROLLER,
        "Use of these data is restricted at present. Ask the controller's data protection officer.",
    ),
    Reason.LIMIT_REACHED: (
        Remedy.ASK_AGAIN_LATER,
        "A limit of the agreement is reached for this person or for today. Ask again tomorrow.",
    ),
    Reason.NOT_AVAILABLE: (
        Remedy.NONE,
        "No answer: not held, or not released. This is not a no.",
    ),
}


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


class Despite(StrEnum):
    """What lets a release line survive a restriction: UK GDPR Article 18(2)."""

    LEGAL_CLAIM = "legal_claim"
    RIGHTS_OF_ANOTHER = "rights_of_another"
    IMPORTANT_PUBLIC_INTEREST = "important_public_interest"
