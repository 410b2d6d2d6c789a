"""What a published copy carries, and what it must not: licences, dead links, faces, loose permissions."""

import re
import shutil
import subprocess

import nbformat
import pytest
import yaml

import assets
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


def test_what_npm_gives_comes_with_its_licence():
    engine, *others = assets.PACKAGES
    assert engine.name.startswith("onnxruntime-web@")  # its licence: see the test above
    said = (chapters.BOOK / "how-to-use.md").read_text("utf-8").partition("## Licences")[2]
    for package in others:
        assert "LICENSE" in package.wanted, package.name
        assert f"`_static/{package.folder}`" in said


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
        pages = (tmp_path / "source" / "book").rglob("*.md")
        assert not [page.name for page in pages if "/OWNER/" in page.read_text("utf-8")]
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


def test_they_run_what_a_reader_can_run():
    texts = {path.stem: path.read_text("utf-8") for path in WORKFLOWS}
    assert "pull_request:" in texts["test"] and "run: .ci/run\n" in texts["test"]
    assert "actionlint/cmd/actionlint@v" in texts["test"]
    assert 'tags: ["v*"]' in texts["pages"] and "run: make book\n" in texts["pages"]
    assert "sha256sum" in texts["pages"] and "zip -qr" in texts["pages"]
    assert "cron:" in texts["weekly"]
    assert "run: .ci/run\n" in texts["weekly"] and "run: .ci/colab\n" in texts["weekly"]
    assert "container: debian" in texts["weekly"]  # from nothing


def test_colab_s_script_has_its_versions_and_what_the_chapters_ask_for():
    text = (chapters.ROOT / ".ci" / "colab").read_text("utf-8")
    pins = {"numpy": "2.0.2", "matplotlib": "3.10.0", "ipywidgets": "7.7.1", "ipython": "7.34"}
    for name, version in {**pins, "ipykernel": "6.17.1"}.items():
        assert f"{name}=={version} " in text
    assert "-p effort quick" in text and "book/[0-9][0-9]-*.ipynb" in text and "http.server" in text
    assert "unset GAHR_CELEBA" in text and "PYTHONPATH" in text  # neither pictures nor a checkout


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed")
def test_actionlint_finds_nothing():
    done = subprocess.run(["actionlint", *WORKFLOWS], cwd=chapters.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


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
