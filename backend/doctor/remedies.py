"""What to do when a service says no; the table of the README's "A vendor refuses", for machines to read."""

import re
from typing import Final

from backend.errors import ProviderError, ProviderTimeout, ProviderUnavailable

_KEY: Final = "the key is wrong, or of the other console's kind: see Real keys in the README"
_CLOSED: Final = "switch the service, the voice or the model on for this account, in the vendor's console"
_VOICE: Final = "this voice is not yours to use, or does not exist: set VOICE_CALL_TTS_VOICE to one that is"
_SETTING: Final = "a setting is wrong: look at the voice, the model and the resource id"
_CROWDED: Final = "too many at once, or the quota is used up: wait, or ask the vendor for more"
_MODEL: Final = "LLM_ENDPOINT_ID or LLM_MODEL is wrong, or of another account"
_THEIRS: Final = "the vendor's own trouble: try again later, and give its support the log id"
_AWAY: Final = "look at the network, at the proxy's settings and at the service's URL"

_BY_WORDS: Final = (
    ("speaker permission denied", _VOICE),
    ("mismatched", "the voice belongs to the other generation (1.0, 2.0): clear VOLC_TTS_RESOURCE_ID"),
    ("418", "the voice belongs to another version than VOICE_CALL_TTS_MODEL: ids end in _v2, _v3"),
)
_BY_CODE: Final = (
    (("45000010", "AuthenticationError", "InvalidApiKey", "HTTP 401", "401", "Unauthorized", "invalid_api_key"), _KEY),
    (("45000030", "ModelNotOpen", "AccessDenied", "HTTP 403", "403", "Model.AccessDenied"), _CLOSED),
    (("AccountOverdueError", "Arrearage"), "the account is in arrears: pay, in the vendor's console"),
    (("InvalidEndpointOrModel", "ModelNotFound", "model_not_found", "HTTP 404", "404"), _MODEL),
    (("45000292", "RateLimitExceeded", "Throttling", "HTTP 429", "429", "QuotaExceeded"), _CROWDED),
    (("45000001", "45000000", "InvalidParameter", "HTTP 400", "400"), _SETTING),
    (("550", "InternalServiceError", "ServerOverloaded", "InternalError", "HTTP 5", "500", "502", "503"), _THEIRS),
)


def remedy(error: ProviderError) -> str:
    """For this refusal, by its words first and then by the beginning of its code."""
    for words, advice in _BY_WORDS:
        if error.vendor_code and re.search(rf"\b{re.escape(words)}\b", error.reason):  # and not in a request's id
            return advice
    for codes, advice in _BY_CODE:
        if error.vendor_code.startswith(codes):
            return advice
    return _AWAY if isinstance(error, ProviderUnavailable | ProviderTimeout) else _SETTING
