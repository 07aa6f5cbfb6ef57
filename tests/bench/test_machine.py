"""The machine is described by what matters to figures, and by no name of its own."""

import platform

from bench import machine


def test_the_description_names_the_runtime_but_no_host() -> None:
    described = machine.describe()

    assert f"Python {platform.python_version()}" in described
    assert "GB" in described
    assert platform.node() not in described.split()


def test_the_processor_is_named_without_marks() -> None:
    cpuinfo = "processor\t: 0\nmodel name\t: Some(R) Core(TM)  i9 CPU\nflags\t: fpu"

    assert machine.cpu_model(cpuinfo) == "Some Core i9 CPU"
    assert machine.cpu_model("") == ""


def test_the_kernel_is_named_by_its_version_alone() -> None:
    assert machine.kernel("6.1.0-mybox-amd64") == "6.1.0"
    assert machine.kernel("6.6.9+someone") == "6.6.9"
