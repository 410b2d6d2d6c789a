"""What a published copy carries, and what it must not: licences, dead links, faces, loose permissions."""

import re

import nbformat
import pytest
import yaml

import chapters
import execute
import gather

WORKFLOWS = sorted((chapters.ROOT / ".github" / "workflows").glob("*.yml"))


def test_constraints_hold_what_builds_packages():
    text = (chapters.ROOT / "constraints.txt").read_text("utf-8")
    assert re.search(r"(?m)^setuptools==", text) and re.search(r"(?m)^wheel==", text)


# ------------------------------------------------------------------------------------------------
# Licences


def test_the_engine_and_the_fonts_come_with_their_licences(tmp_path):
    pytest.importorskip("onnxruntime")
    gather.add_licences(tmp_path)
    assert "MIT License" in (tmp_path / "onnxruntime-LICENSE.txt").read_text("utf-8")
    assert len((tmp_path / "onnxruntime-ThirdPartyNotices.txt").read_text("utf-8")) > 100_000
    fonts = (chapters.ROOT / "_static" / "licences" / "KaTeX-fonts.txt").read_text("utf-8")
    assert (
        "Design Science" in fonts and "SIL OPEN FONT LICENSE" in fonts and "PERMISSION & CONDITIONS" in fonts
    )


# ------------------------------------------------------------------------------------------------
# Links of a copy that nobody has published


def test_links_to_nowhere_are_hidden_and_others_stay():
    text = (
        "**Run it:** [open in Colab](https://colab.research.google.com/github/OWNER/gahr/blob/v1/a.ipynb)"
        " \u00b7 "
        "[download](https://github.com/OWNER/gahr/raw/v1/a.ipynb) \u00b7 about a minute; "
        "[torch](https://pytorch.org) and [chapter 1](01-denoising.ipynb)"
    )
    expected = "**Run it:** about a minute; [torch](https://pytorch.org) and [chapter 1](01-denoising.ipynb)"
    assert gather.hide_links(text) == expected


@pytest.mark.parametrize("owner", ["OWNER", "someone"])
def test_no_gathered_page_leads_to_nowhere(tmp_path, monkeypatch, owner):
    config = (chapters.ROOT / "_config.yml").read_text("utf-8")
    address = f"https://github.com/{owner}/gahr"
    monkeypatch.setattr(chapters, "repository_url", lambda: address)
    gather.gather(tmp_path / "source")
    settings = yaml.safe_load((tmp_path / "source" / "_config.yml").read_text("utf-8"))
    assert settings["title"] == yaml.safe_load(config)["title"]
    shown = "".join(
        cell.source
        for path in (tmp_path / "source" / "book").glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    )
    if owner == "OWNER":
        assert "launch_buttons" not in settings and not settings["html"]["use_issues_button"]
        assert "/OWNER/" not in shown and "**Run it:** about" in shown
    else:
        assert settings["launch_buttons"] and settings["html"]["use_issues_button"]
        assert "](https://colab.research.google.com/" in shown


# ------------------------------------------------------------------------------------------------
# Real faces


@pytest.mark.parametrize("celeba", [False, True])
def test_a_page_sees_celeba_only_if_asked(tmp_path, monkeypatch, celeba):
    seen = []
    monkeypatch.setenv("GAHR_CELEBA", "somewhere")

    def pretend(source, target, **_):
        seen.append("GAHR_CELEBA" in execute.os.environ)
        target.write_text("{}")

    monkeypatch.setattr(execute.papermill, "execute_notebook", pretend)
    execute.main([str(tmp_path / "a.ipynb"), str(tmp_path / "b.ipynb"), *(["--celeba"] if celeba else [])])
    assert seen == [celeba]


# ------------------------------------------------------------------------------------------------
# Workflows


def test_there_are_three_workflows():
    assert [path.stem for path in WORKFLOWS] == ["pages", "test", "weekly"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_pinned_and_may_do_little(path):
    text = path.read_text("utf-8")
    flow = yaml.safe_load(text)
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used and all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action) for action, _ in used)
    assert all(re.fullmatch(r" # v\d+\.\d+\.\d+", version) for _, version in used)
    assert flow["permissions"] == {"contents": "read"}
    for name, job in flow["jobs"].items():
        allowed = {"deploy": {"pages": "write", "id-token": "write"}, "release": {"contents": "write"}}
        assert job.get("permissions") == allowed.get(name)
        assert job["timeout-minutes"] <= 150
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
            assert "${{" not in step.get("run", "")  # nothing from outside is put into a script
