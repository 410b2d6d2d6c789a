"""What must agree across files: versions, addresses, the environment, the wheel, the table of contents."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import v4

import chapters
import check_pages
import execute
import gather
import model_card
import reference
import repository
from gahr import _files, zoo

ROOT = chapters.ROOT
PLAIN = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def pins():
    rows = [line for line in read("constraints.txt").splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.+!]+", row) for row in rows)
    return {re.sub(r"[-_.]+", "-", name).lower(): pin for name, pin in (row.split("==") for row in rows)}


def required(*extras):
    """Names that the project asks for, with those of the extras."""
    rows = list(PROJECT["dependencies"])
    for extra in extras:
        rows += PROJECT["optional-dependencies"][extra]
    names = {re.match(r"[\w.-]+", row)[0].lower().replace("_", "-") for row in rows}
    return names - {"gahr"}


# ------------------------------------------------------------------------------------------------
# Versions


def test_everything_asked_for_is_pinned():
    assert required("book", "train", "dev") <= set(pins())


def test_the_installed_versions_are_the_pinned_ones():
    differ = {}
    for name, pin in pins().items():
        try:
            found = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            continue
        if found != pin:
            differ[name] = (found, pin)
    if differ and not (ROOT / ".venv" / ".installed").exists():
        pytest.skip(f"another environment than make's: {differ}")
    assert not differ


def test_requirements_have_no_upper_bound_but_the_one_we_need():
    assert not [row for row in PROJECT["dependencies"] if re.search(r"[<~]|==", row)]
    assert "jupyter-book>=1.0.4.post1,<2" in PROJECT["optional-dependencies"]["book"]


def test_conda_environment_agrees_with_the_constraints():
    rows = yaml.safe_load(read("environment.yml"))["dependencies"]
    pip = next(row["pip"] for row in rows if isinstance(row, dict))
    assert pip == ["-c constraints.txt", "-e .[dev]"]
    python = next(row for row in rows if str(row).startswith("python="))
    least = re.search(r">=\s*3\.(\d+)", PROJECT["requires-python"])[1]
    assert int(python.rpartition(".")[2]) >= int(least)
    for row in rows:
        name, _, version = str(row).partition("=")
        assert name not in pins() or version.strip("=") in ("", pins()[name])


def test_the_version_is_the_same_everywhere():
    version = PROJECT["version"]
    assert yaml.safe_load(read("CITATION.cff"))["version"] == version
    assert yaml.safe_load(read("_config.yml"))["repository"]["branch"] == f"v{version}"
    assert metadata.version("gahr") == version


# ------------------------------------------------------------------------------------------------
# The repository's address


def test_every_address_is_in_step():
    url = chapters.repository_url()
    assert json.loads(read("data/manifest.json"))["repository"] == url
    assert yaml.safe_load(read("CITATION.cff"))["repository-code"] == url
    assert PROJECT["urls"]["Repository"] == url
    for path in repository._files(ROOT):
        text = path.read_text(encoding="utf-8")
        assert repository.in_step(text, {url}, url, chapters.version()) == text, path.name


@pytest.fixture
def copy(tmp_path):
    """A checkout in small: the files that name the address, and one chapter."""
    for name in ("_config.yml", "pyproject.toml", "CITATION.cff", "README.md", "data/manifest.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "book").mkdir()
    colab, download = chapters.links("01-x")
    cells = [v4.new_markdown_cell(f"[Colab]({colab}) [download]({download})")]
    cells += [v4.new_code_cell(chapters.setup_source())]
    chapters.write(chapters.strip(v4.new_notebook(cells=cells)), tmp_path / "book" / "01-x.ipynb")
    return tmp_path


def test_a_new_address_reaches_every_file(copy):
    url = "https://github.com/test-owner/test-name"
    assert len(repository.rewrite(copy, url + "/")) == 6
    chapter = chapters.Chapter.read(copy / "book" / "01-x.ipynb")
    assert chapter.code[0]["source"] == chapters.setup_source(url)
    colab, download = chapters.links("01-x", url)
    assert chapter.text == f"[Colab]({colab}) [download]({download})"
    for path in repository._files(copy):
        assert chapters.repository_url() not in path.read_text(encoding="utf-8")
    assert json.loads((copy / "data" / "manifest.json").read_text())["repository"] == url
    assert repository.rewrite(copy) == []


def test_a_new_version_reaches_every_link(copy):
    text = (copy / "pyproject.toml").read_text(encoding="utf-8")
    text = text.replace(f'version = "{PROJECT["version"]}"', 'version = "9.8.7"')
    (copy / "pyproject.toml").write_text(text, encoding="utf-8")
    repository.rewrite(copy)
    chapter = chapters.Chapter.read(copy / "book" / "01-x.ipynb")
    assert chapter.code[0]["source"] == chapters.setup_source(tag="9.8.7")
    assert chapter.text.count("/v9.8.7/") == 2
    assert yaml.safe_load((copy / "CITATION.cff").read_text(encoding="utf-8"))["version"] == "9.8.7"


def test_a_wrong_address_is_refused_and_nothing_changes(copy):
    before = {path: path.read_bytes() for path in repository._files(copy)}
    with pytest.raises(ValueError, match="must look like https://github.com/owner/name"):
        repository.rewrite(copy, "git@github.com:me/gahr")
    assert {path: path.read_bytes() for path in repository._files(copy)} == before


# ------------------------------------------------------------------------------------------------
# The package and the pages


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_carries_the_manifest_and_every_module(wheel):
    names = set(wheel.namelist())
    assert wheel.read("gahr/manifest.json") == (ROOT / "data" / "manifest.json").read_bytes()
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "gahr").rglob("*.py")}
    assert len(files) > 60 and files <= names
    assert not [n for n in names if not n.startswith(("gahr/", "gahr-"))]
    assert not [n for n in names if n.endswith((".safetensors", ".npz"))]


def test_the_wheel_finds_its_manifest_without_a_checkout(wheel, tmp_path):
    wheel.extractall(tmp_path)
    say = "from gahr import _files; assert _files.checkout() is None; print(_files.manifest()['repository'])"
    command = [sys.executable, "-c", say]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == chapters.repository_url()


def test_every_module_is_in_the_reference_once_and_drawings_are_not():
    listed = [name for part in reference.PARTS for name in reference.modules(part)]
    public = [
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for path in (ROOT / "gahr").rglob("*.py")
        if not path.name.startswith("_")
    ]
    assert sorted(listed) == sorted(name for name in public if not name.startswith("gahr.figures."))
    assert "gahr.bases" in reference.modules("core") and "gahr.ideal.discs" in reference.modules("core")
    for part in reference.PARTS:
        page = reference.filled(read(f"book/{reference.PARTS[part]}.md"))
        assert page.count("automodule::") == len(reference.modules(part)) > 4


def test_the_table_of_networks_is_in_step():
    text = model_card.PAGE.read_text(encoding="utf-8")
    assert model_card.in_step(text) == text, "run book/_tools/model_card.py"


def test_looks_are_steps_times_batch_over_images():
    recipe = {"steps": 6000, "batch": 64}
    assert [model_card.looks(recipe | {"n": n}) for n in (10, 14_000, None)] == ["38,400", "27", "1"]


def test_a_drawing_s_change_concerns_its_own_chapter():
    command = ["make", "-p", "-n", "help"]
    rules = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in (ROOT / "gahr" / "figures").glob("[a-z]*.py"):
        stem = path.stem.replace("_", "-")
        found = [
            line
            for line in rules.splitlines()
            if f"gahr/figures/{path.name}" in line.partition(":")[2].split()
        ]
        chapters_found = [line.partition(":")[0] for line in found if line.startswith("_build/quick/")]
        assert len(chapters_found) == 1 and chapters_found[0].endswith(f"-{stem}.ipynb"), path.name


def test_every_result_is_explained():
    text = read("data/README.md")
    assert not [name for name in zoo.names("result") if f"`{name}`" not in text]


def test_the_contents_list_every_page():
    listed = {*chapters.contents(), "book/intro"}
    paths = [*chapters.chapters(), *chapters.pages()]
    found = {path.relative_to(ROOT).with_suffix("").as_posix() for path in paths}
    assert listed == found
    assert not [name for name in found if "_" in name]


def test_the_sidebar_numbers_chapters_as_their_files_do():
    parts = yaml.safe_load(read("_toc.yml"))["parts"]
    numbered = [page["file"] for part in parts if part.get("numbered") for page in part["chapters"]]
    assert [Path(name).name[:2] for name in numbered] == [f"{k:02d}" for k in range(1, len(numbered) + 1)]
    assert [f"{Path(name).name}.ipynb" for name in numbered] == [path.name for path in chapters.chapters()]


def test_local_links_of_the_readme_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md", "data/README.md"):
        for target in re.findall(r"\]\(([^)#\s]+)\)", read(name)):
            if "://" not in target:
                assert (ROOT / name).parent.joinpath(target).exists(), f"{name}: {target}"


def test_what_a_chapter_trains_needs_no_bf16():
    training = []
    for path in chapters.chapters():
        code = "\n".join(cell["source"] for cell in chapters.Chapter.read(path).code)
        assert "bf16" not in code and "bfloat16" not in code, path.name
        if "Recipe(" in code:
            training.append(path.name[:2])
            assert re.search(r"[\"']?precision[\"']?\s*[:=]\s*[\"']fp32[\"']", code), path.name
    assert {"05", "14"} <= set(training)


# ------------------------------------------------------------------------------------------------
# Make and its helpers


def test_the_makefile_needs_no_pipe_and_no_machine():
    text = read("Makefile")
    recipes = [line for line in text.splitlines() if line.startswith("\t")]
    assert not [line for line in recipes if re.search(r"[^|]\|[^|]", line)]
    assert not re.search(r"/home/|/root/|/Users/", text)


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_help_lists_every_command():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("book", "serve", "lab", "student", "test", "notebooks", "repository", "venv", "clean"):
        assert re.search(rf"(?m)^make {target}\b", done.stdout)


RECORD = """#!/bin/sh
printf '%s|' "$(basename "$0")" "$@" >> calls
echo >> calls
mkdir -p _build/default _build/html
touch _build/gahr-student.zip
case "$1" in book/_tools/execute.py) touch "$3" ;; esac
"""
"""Stands for Python and for jupyter-book: notes what it is called with, and makes what make waits for."""


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_does_the_same_in_a_folder_with_spaces_and_accents(tmp_path):
    called = []
    for name in ("plain", "un \u00e9t\u00e9 (\u00e0 la mer)"):
        root, listed = (
            tmp_path / name,
            ("Makefile", "pyproject.toml", "constraints.txt", "_config.yml", "_toc.yml"),
        )
        for file in (
            *listed,
            "data/manifest.json",
            "book/01-denoising.ipynb",
            "book/_tools/execute.py",
            "gahr/a.py",
        ):
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / (file if (ROOT / file).is_file() else "gahr/__init__.py"), root / file)
        for program in ("python", "jupyter-book"):
            (root / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
            (root / ".venv" / "bin" / program).write_text(RECORD)
            (root / ".venv" / "bin" / program).chmod(0o755)
        for target in ("venv", "book", "student", "test-units", "test-chapters", "notebooks", "repository"):
            done = subprocess.run(
                ["make", target], cwd=root, capture_output=True, encoding="utf-8", env=PLAIN
            )
            assert done.returncode == 0, done.stderr
            assert target != "book" or f"{root}/_build/html/index.html" in done.stdout
        called.append((root / "calls").read_text("utf-8"))
        subprocess.run(["make", "book"], cwd=root, capture_output=True, check=True, env=PLAIN)
        assert (root / "calls").read_text("utf-8") == called[-1]  # nothing is done twice
    assert called[0] == called[1] and called[0].count("\n") > 10
    assert "python|-m|pip|install|" in called[0] and "|book/01-denoising.ipynb|_build/default/" in called[0]


def notebook(tmp_path, *sources):
    path = tmp_path / "05-small.ipynb"
    cells = [v4.new_code_cell('effort = "default"', metadata={"tags": ["parameters"]})]
    chapters.write(v4.new_notebook(cells=[*cells, *(v4.new_code_cell(s) for s in sources)]), path)
    return path


@pytest.mark.skipif(not (chapters.ROOT / ".git").exists(), reason="this is a zip already")
def test_a_zip_without_git_and_without_a_network_executes_a_chapter(tmp_path):
    """Sockets to other machines are refused; the copy's package loads a network and says what it is."""
    packed = tmp_path / "gahr.zip"
    subprocess.run(["git", "archive", "-o", packed, "HEAD"], cwd=chapters.ROOT, check=True)
    copy = tmp_path / "a copy"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(copy)
    away = tmp_path / "away"
    away.mkdir()
    (away / "sitecustomize.py").write_text(NO_NETWORK)
    source = notebook(
        tmp_path,
        "import os, gahr; from gahr import _files, zoo; f = zoo.load('ray40-unet16-fresh-a')",
        "print(os.path.dirname(gahr.__file__), '|', _files.commit())",
        "import urllib.request\ntry: urllib.request.urlopen('http://192.0.2.1', timeout=5)\n"
        "except OSError as error: print(error)",
    )
    target = tmp_path / "out" / "05-small.ipynb"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (copy, away))), "GIT_DIR": str(away)}
    words = [sys.executable, copy / "book" / "_tools" / "execute.py", source, target, "--effort", "quick"]
    subprocess.run(words, env=environment, cwd=copy, check=True, capture_output=True, text=True)
    printed = [out["text"] for cell in chapters.Chapter.read(target).code for out in cell["outputs"]]
    assert printed[0] == f"{copy / 'gahr'} | gahr {_files.version()}\n"
    assert "there is no network" in printed[1]


NO_NETWORK = """
import socket
plain = socket.socket.connect
def connect(self, address):
    if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError("there is no network")
    return plain(self, address)
socket.socket.connect = connect
"""


def test_a_chapter_is_executed_with_its_effort(tmp_path, monkeypatch):
    monkeypatch.delenv("GAHR_STILL", raising=False)
    target = tmp_path / "out" / "05-small.ipynb"
    source = notebook(tmp_path, "import os; print(effort, os.environ['GAHR_STILL'])")
    assert execute.execute(source, target, "quick") > 0
    printed = [out["text"] for cell in chapters.Chapter.read(target).code for out in cell["outputs"]]
    assert printed == ["quick 1\n"]
    assert json.loads(target.with_suffix(".json").read_text())["effort"] == "quick"
    monkeypatch.delenv("GAHR_STILL", raising=False)


def test_a_chapter_over_its_budget_is_told(capsys):
    for seconds, how, told in ((91, "with effort=default", True), (91, "with effort=full", False)):
        assert execute.went_well("x", how, lambda seconds=seconds: float(seconds))
        assert ("over its budget of 90 s" in capsys.readouterr().out) == told
    assert execute.went_well("x", "with effort=default", lambda: 89.0)
    assert "budget" not in capsys.readouterr().out


def test_a_failing_chapter_is_named_with_its_error(tmp_path, capsys):
    target = tmp_path / "out" / "05-small.ipynb"
    assert execute.main([str(notebook(tmp_path, "1 / 0")), str(target)]) == 1
    said = capsys.readouterr().err
    assert "Chapter 05-small failed in its code cell 2" in said
    assert "1 / 0" in said
    assert "ZeroDivisionError: division by zero" in said
    assert not target.exists()


def test_a_chapter_that_never_ends_is_stopped_and_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(execute.LIMITS, "quick", 2)
    target = tmp_path / "out" / "05-small.ipynb"
    source = notebook(tmp_path, "while True: pass")
    assert execute.main([str(source), str(target), "--effort", "quick"]) == 1
    said = capsys.readouterr().err
    assert "05-small did not finish: a cell ran for more than 2 s" in said and "while True: pass" in said
    assert not target.exists()


def test_the_build_page_gets_the_measured_times(tmp_path, monkeypatch):
    monkeypatch.setattr(chapters, "chapters", lambda: [Path("01-x.ipynb")])
    (tmp_path / "01-x.json").write_text('{"chapter": "01-x", "effort": "default", "seconds": 12.34}')
    chapters.write(v4.new_notebook(cells=[v4.new_markdown_cell("word " * 1300)]), tmp_path / "01-x.ipynb")
    table = gather.measured(tmp_path)
    assert "| 01-x | default | 12.3 | 10 |" in table
    assert f"| torch | {metadata.version('torch')} |" in table
    assert gather.MARK.search(read("book/build.md"))


def test_sentences_beside_a_figure_get_a_cell_of_their_own():
    picture = nbformat.v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="})
    sentence = nbformat.v4.new_output("display_data", data={"text/markdown": "A sentence."})
    figure = {"mystnb": {"figure": {"name": "fig-a", "caption": "..."}}}
    cell = nbformat.v4.new_code_cell("draw()", outputs=[sentence, picture], metadata=figure)
    plain = nbformat.v4.new_code_cell("say()", outputs=[sentence])
    split = gather.split_figures(nbformat.v4.new_notebook(cells=[cell, plain])).cells
    assert [c.outputs for c in split] == [[picture], [sentence], [sentence]]
    assert split[1].metadata["tags"] == ["remove-input"]
    assert "mystnb" not in split[1].metadata
    assert split[1].source  # a cell without one is dropped by the renderer, outputs and all


def test_what_a_page_does_not_show_is_found():
    shown = [
        v4.new_output("display_data", data={"text/markdown": "Of $\\sigma$: **5** dB, 3 < 4 > 2."}),
        v4.new_output("display_data", data={"text/markdown": "| a | b |\n|--:|--:|\n| 7 | 8 |"}),
        v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="}),
    ]
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("Text"), v4.new_code_cell("f()", outputs=shown)])
    sentence = '<p>Of <span class="math">\\(\\sigma\\)</span>: <b>5</b> dB, 3 &lt; 4 &gt; 2.</p>'
    table = "<table><tr><th>a</th><th>b</th></tr><tr><td>7</td><td>8</td></tr></table>"
    picture = '<img alt="a" src="../_images/a.png">'
    assert list(check_pages.missing(notebook, sentence + table + picture)) == []
    assert list(check_pages.missing(notebook, sentence + picture)) == ["| a | b |", "| 7 | 8 |"]
    assert list(check_pages.missing(notebook, table + picture)) == ["Of $\\sigma$: **5** dB, 3 < 4 > 2."]
    assert list(check_pages.missing(notebook, sentence + table)) == ["1 of 1 pictures"]
