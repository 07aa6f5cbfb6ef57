"""What the adapters can be told."""

import pytest

from backend.errors import ConfigError
from backend.providers.openai_chat import ChatConfig
from backend.providers.volcengine.config import ArkConfig, AsrConfig, SpeechCredentials, TtsConfig

SECRET = "do-not-show-me"


@pytest.mark.parametrize(
    "holder",
    [
        SpeechCredentials(app_id="42", access_token=SECRET),
        SpeechCredentials(api_key=SECRET),
        ArkConfig("ep-1", api_key=SECRET),
        ArkConfig("ep-1", access_key=SECRET, secret_key=SECRET),
        ChatConfig("http://localhost/v1", "any", api_key=SECRET),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_no_repr_shows_a_secret(holder: object) -> None:
    assert SECRET not in repr(holder)


def test_speech_without_a_whole_credential_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="access token"):
        SpeechCredentials(app_id="42")


def test_what_a_service_echoes_of_our_secrets_is_masked() -> None:
    credentials = SpeechCredentials(app_id="42", access_token="tok", api_key="key")

    assert credentials.scrub("Invalid key, or tok?") == "Invalid ***, or ***?"


@pytest.mark.parametrize(
    ("url", "mode", "address"),
    [
        ("wss://h/api/v3/sauc", "bigmodel_async", "wss://h/api/v3/sauc/bigmodel_async"),
        ("wss://h/api/v3/sauc/", "bigmodel_nostream", "wss://h/api/v3/sauc/bigmodel_nostream"),
        ("wss://h/api/v3/sauc/bigmodel", "bigmodel", "wss://h/api/v3/sauc/bigmodel"),
    ],
)
def test_the_recognition_address_ends_in_the_mode(url: str, mode: str, address: str) -> None:
    config = AsrConfig(url=url, mode=mode)  # type: ignore[arg-type]

    assert (config.address, config.spoken_mode) == (address, mode)


def test_a_url_that_names_a_mode_decides_it() -> None:
    config = AsrConfig(url="wss://h/api/v3/sauc/bigmodel_nostream", mode="bigmodel_async")

    assert config.spoken_mode == "bigmodel_nostream"
    assert config.address == "wss://h/api/v3/sauc/bigmodel_nostream"


def test_an_unknown_recognition_mode_is_refused() -> None:
    with pytest.raises(ConfigError, match="bigmodel_async"):
        AsrConfig(mode="loud")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("voice", "resource_id"),
    [
        ("zh_female_shuangkuaisisi_moon_bigtts", "seed-tts-1.0"),
        ("zh_female_vv_mars_bigtts", "seed-tts-1.0"),
        ("zh_female_vv_uranus_bigtts", "seed-tts-2.0"),
        ("zh_male_dayi_saturn_bigtts", "seed-tts-2.0"),
        ("saturn_zh_female_cancan_tob", "seed-tts-2.0"),
        ("S_abcdef", "seed-icl-2.0"),
    ],
)
def test_the_voice_names_its_resource(voice: str, resource_id: str) -> None:
    assert TtsConfig().resource_for(voice) == resource_id


def test_a_configured_resource_wins_over_the_voice() -> None:
    config = TtsConfig(resource_id="volc.service_type.10029")

    assert config.resource_for("zh_female_vv_uranus_bigtts") == "volc.service_type.10029"
