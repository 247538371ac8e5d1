"""Why is a field withheld, and what would change that? One fixed answer to each."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a field is withheld, as the partner is told. The log may know a truer one."""

    AGREEMENT_NOT_FOUND = "agreement_not_found"
    AGREEMENT_NOT_IN_FORCE = "agreement_not_in_force"
    NOT_A_RECIPIENT = "not_a_recipient"
    PURPOSE_NOT_AGREED = "purpose_not_agreed"
    ACTION_NOT_AGREED = "action_not_agreed"
    ASSURANCE_NEEDED = "assurance_needed"
    CASEWORKER_NEEDED = "caseworker_needed"
    VOUCHING_NEEDED = "vouching_needed"
    CASE_REFERENCE_NEEDED = "case_reference_needed"
    ROLE_NOT_AGREED = "role_not_agreed"
    NAMING_NOT_AGREED = "naming_not_agreed"
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
    WRONG_TOO_OFTEN = "wrong_too_often"  # claims about that person, today


class Remedy(StrEnum):
    """What would change a reason: one fixed answer to each."""

    ASK_FOR_AN_AGREEMENT = "ask_for_an_agreement"
    RENEW_THE_AGREEMENT = "renew_the_agreement"
    STATE_AN_AGREED_PURPOSE = "state_an_agreed_purpose"
    SHOW_YOUR_ASSURANCE = "show_your_assurance"
    SEND_A_CASEWORKER = "send_a_caseworker"
    SEND_A_SIGNED_CONTEXT = "send_a_signed_context"
    SEND_A_CASE_REFERENCE = "send_a_case_reference"
    ASK_IN_AN_AGREED_ROLE = "ask_in_an_agreed_role"
    NAME_THE_PERSON_OTHERWISE = "name_the_person_otherwise"
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
    Reason.ASSURANCE_NEEDED: (
        Remedy.SHOW_YOUR_ASSURANCE,
        "The agreement wants an assurance of your security that the controller has not seen, or that is over.",
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
    Reason.NAMING_NOT_AGREED: (
        Remedy.NAME_THE_PERSON_OTHERWISE,
        "The agreement lets nobody be named by this key or detail. GET /v1/agreements tells by which it does.",
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
