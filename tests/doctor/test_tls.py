from pathlib import Path

from backend.doctor import reach, tls
from backend.doctor.findings import Level
from tests.doctor.sick import only, patient
from tests.support.certificate import certificate


def settings(cert: Path, key: Path) -> dict[str, str]:
    return {"TLS_CERT": str(cert), "TLS_KEY": str(key)}


def test_a_certificate_that_is_good_is_said_for_how_long(tmp_path: Path) -> None:
    only(tls.certificate(patient(settings(*certificate(tmp_path, days=60)))), Level.OK, "good for 60 days")


def test_one_that_ends_soon_is_doubtful_and_one_that_has_ended_is_wrong(tmp_path: Path) -> None:
    only(tls.certificate(patient(settings(*certificate(tmp_path, days=3)))), Level.WARNING, "in 3 days")
    only(tls.certificate(patient(settings(*certificate(tmp_path, days=-0.5)))), Level.WRONG, "expired")


def test_a_key_that_is_another_ones_and_a_file_that_is_not_there_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    cert, _ = certificate(tmp_path)
    _, other = certificate(tmp_path / "other")
    only(tls.certificate(patient(settings(cert, other))), Level.WRONG, "no certificate with its key")
    only(tls.certificate(patient(settings(cert, tmp_path / "none"))), Level.WRONG, "is no file")
    only(tls.certificate(patient()), Level.SKIPPED, "no certificate")


def test_with_a_certificate_other_devices_get_the_microphone(tmp_path: Path) -> None:
    beyond = {"WEB_HOST": "0.0.0.0", "ACCESS_TOKEN": "a-token-that-is-long-enough"}
    only(reach.microphone(patient(beyond | settings(*certificate(tmp_path)))), Level.OK, "https")
