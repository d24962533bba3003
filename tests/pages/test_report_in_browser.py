"""The report in a real browser: nothing is loaded, nothing fails, and the filters show what the artifacts say."""

import json

import numpy as np
import pytest
from browser import PROGRAM, Browser
from drawn_reports import drawn
from drawn_runs import drawn_home, run

from comp.competition import labels
from comp.project import Project
from comp.store.paths import blend_file
from comp.store.runs import Run

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium: apt-get install chromium")
NASTY = ("</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"q\" 'a' & 한글")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    started = Browser(tmp_path_factory.mktemp("browser"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with two runs, their blend and the report."""
    folder = drawn_home(tmp_path_factory.mktemp("home"))
    assert run(folder, "blend", "--method", "equal", "--rule", "argmax")[0] == 0
    assert run(folder, "report")[0] == 0
    return folder


@pytest.fixture
def page(browser, home):
    """The browser with the report of `home` freshly opened."""
    browser.set_window(1280)
    browser.open(home / "out/report.html")
    yield browser
    assert browser.complaints() == []
    assert browser.requests() == []


def project_of(home) -> Project:
    return Project(home / "in", home / "out")


def answers(home) -> tuple[np.ndarray, np.ndarray]:
    """Folds table and the blend's answers, recomputed from the artifacts without the report's code."""
    table = project_of(home).folds
    with np.load(blend_file(home / "out", "oof.npz")) as arrays:
        by_id = dict(zip(arrays["ids"].tolist(), arrays["probs"].argmax(1).tolist(), strict=True))
    return table, np.array([by_id[image] for image in table["image"]])


def matching(browser) -> int:
    """How many photos match, as the page announces it."""
    return int(browser.run("document.getElementById('status').textContent").split(" of ")[0].replace(",", ""))


def shown(browser) -> list[int]:
    """The rows of the cards."""
    return browser.run("[...document.querySelectorAll('#cards > li')].map(card => Number(card.dataset.row))")


def select(browser, name: str, value: str) -> None:
    """Choose an option of a filter, as a reader's choice does."""
    browser.run(f"""(() => {{ const e = document.querySelector('#filters [name={name}]'); e.value = {json.dumps(value)};
        e.dispatchEvent(new Event('input', {{bubbles: true}})); }})()""")


def test_all_counts_of_the_matrices_are_those_of_the_artifacts(page, home):
    table, answered = answers(home)
    cells = page.run(
        "[...document.querySelectorAll('button[data-truth]')].map(b => ({...b.dataset, text: b.textContent}))"
    )
    shown_counts = {(cell["kind"], int(cell["truth"]), int(cell["answer"])): int(cell["text"]) for cell in cells}
    truth, attributes = table["label"].to_numpy(), project_of(home).competition.attributes
    for kind, of in {
        "class": range(18),
        **{str(i): attribute.of_class for i, attribute in enumerate(attributes.values())},
    }.items():
        pairs = np.array(of)[truth], np.array(of)[answered]
        expected = np.zeros((18, 18), int)
        np.add.at(expected, pairs, 1)
        assert {key[1:]: count for key, count in shown_counts.items() if key[0] == kind} == {
            (int(t), int(a)): int(expected[t, a]) for t, a in np.argwhere(expected)
        }
    assert matching(page) == (truth != answered).sum() == len(shown(page))


def test_a_click_on_a_cell_shows_its_photos_and_the_chip_removes_it(page, home):
    table, answered = answers(home)
    wrong = np.flatnonzero(table["label"] != answered)
    truth, answer = int(table["label"][wrong[0]]), int(answered[wrong[0]])
    cell = f"button[data-kind=class][data-truth='{truth}'][data-answer='{answer}']"
    page.click(cell)
    expected = np.flatnonzero((table["label"] == truth) & (answered == answer))
    assert sorted(shown(page)) == expected.tolist()
    assert matching(page) == len(expected)
    assert page.run(f'document.querySelector("{cell}").ariaPressed') == "true"
    assert page.run("document.activeElement.id") == "status"
    page.click("#cell")
    assert matching(page) == len(table)
    assert page.run("document.getElementById('cell').hidden")
    page.click("#clear")
    assert matching(page) == len(wrong)


def test_the_keyboard_alone_chooses_a_cell_and_more_photos(page, home):
    table, answered = answers(home)
    page.run("document.querySelector('button[data-kind=\"0\"]').focus()")
    page.press("Enter")
    first = np.array(project_of(home).competition.attributes["mask"].of_class)
    expected = (first[table["label"]] == 0) & (first[answered] == 0)
    assert matching(page) == expected.sum() > 24
    assert len(shown(page)) == 24
    for _ in range(100):
        page.press("Tab")
        if page.run("document.activeElement.id") == "more":
            break
    page.press(" ")
    assert len(shown(page)) == 48
    assert page.run("document.activeElement.dataset.row") == str(shown(page)[24])
    assert "48 shown" in page.run("document.getElementById('status').textContent")


def test_the_keyboard_reaches_the_first_filter_and_changes_it(page, home):
    table, answered = answers(home)
    page.run("document.querySelector('#filters [name=show]').focus()")
    page.press("ArrowDown")
    assert matching(page) == (table["label"] == answered).sum()


def test_filters_by_truth_answer_attribute_fold_group_and_name(page, home):
    table, answered = answers(home)
    truth, wrong = table["label"].to_numpy(), table["label"].to_numpy() != answered
    for name, value, expected in (
        ("truth", "3", wrong & (truth == 3)),
        ("answer", "4", wrong & (answered == 4)),
        ("column", "a:1:1", wrong & (table["gender"] == 1)),
        ("fold", "2", wrong & (table["fold"] == 2)),
        ("text", table["group"][0].upper(), wrong & (table["group"] == table["group"][0])),
    ):
        select(page, name, value)
        assert matching(page) == expected.sum(), name
        page.click("#clear")
    select(page, "show", "all")
    select(page, "fold", "1")
    select(page, "truth", str(truth[0]))
    assert matching(page) == ((table["fold"] == 1) & (truth == truth[0])).sum()


def test_a_group_whose_photos_disagree_is_shown_by_its_button(page, home):
    table, _ = answers(home)
    group = page.run("document.querySelector('th button[data-kind=group]').textContent")
    page.click("th button[data-kind=group]")
    assert sorted(shown(page)) == np.flatnonzero(table["group"] == group).tolist()


def test_where_runs_disagree(page, home):
    table, _ = answers(home)
    competition = project_of(home).competition
    of_run = []
    for name in "ab":
        answered = np.empty(len(table), int)
        for k in range(3):
            with np.load(Run(home / "out", name).oof(k)) as arrays:
                places = table.set_index("image").index.get_indexer(arrays["ids"])
                answered[places] = arrays["probs"].argmax(1)
        of_run.append(answered)
    assert competition.size == 18
    select(page, "show", "disagree")
    assert matching(page) == (of_run[0] != of_run[1]).sum()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_as_wide_as_the_window_and_follows_the_theme(page, width, scheme):
    page.set_window(width, scheme=scheme)
    assert page.run("document.documentElement.scrollWidth <= window.innerWidth")
    paper = page.run("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert page.run("getComputedStyle(document.querySelector('figure svg text')).fill") == page.run(
        "getComputedStyle(document.body).color"
    )


def test_the_browser_tells_of_errors_and_requests(browser, tmp_path):
    """The checks of this file would fail on a page that loads something, or whose script fails."""
    (tmp_path / "bad.html").write_text("<img src='http://127.0.0.1:9/x.png'><script>nothing.there()</script>")
    browser.open(tmp_path / "bad.html")
    assert browser.requests() == ["http://127.0.0.1:9/x.png"]
    assert any("nothing is not defined" in complaint for complaint in browser.complaints())


def test_the_policy_of_pages_stops_requests_and_scripts_that_are_not_its_own(browser, home, tmp_path):
    page = (home / "out/report.html").read_text()
    added = "<img src='http://127.0.0.1:9/x.png'><script>document.title = 'changed'</script></main>"
    (tmp_path / "changed.html").write_text(page.replace("</main>", added))
    browser.open(tmp_path / "changed.html")
    failed = [event["params"] for event in browser.events if event.get("method") == "Network.loadingFailed"]
    assert [event["blockedReason"] for event in failed] == ["csp"]
    assert browser.run("document.title") == "Report of the runs"
    assert len(browser.complaints()) == 2


def test_names_with_markup_run_nothing(browser, tmp_path):
    assert run(drawn(tmp_path, classes=NASTY, file=" <i>&'é", group=NASTY[1]), "report")[0] == 0
    browser.open(tmp_path / "out/report.html")
    assert browser.complaints() == browser.requests() == []
    assert browser.run("[...document.querySelectorAll('.confusion thead span')].map(e => e.textContent)")[:3] == [
        *NASTY
    ]
    assert browser.run("document.querySelectorAll('i, img[onerror]').length") == 0
    assert browser.run("document.querySelector('#cards .file').textContent").startswith("train/000")
    assert not any(event.get("method") == "Page.javascriptDialogOpening" for event in browser.events)


@pytest.mark.parametrize("target", ["multilabel", "regression"])
def test_buttons_of_labels_and_of_ranges_show_as_many_photos_as_they_say(browser, tmp_path, target):
    assert run(drawn(tmp_path, target), "report")[0] == 0
    browser.open(tmp_path / "out/report.html")
    kind = "label" if target == "multilabel" else "class"
    buttons = browser.run(f"""[...document.querySelectorAll('button[data-kind={kind}]')].map(button => {{
        button.click();
        return [Number(button.textContent), Number(document.getElementById('status').textContent.split(' ')[0])];
    }})""")
    assert len(buttons) > 5
    assert all(promised == shown_photos for promised, shown_photos in buttons)
    assert browser.complaints() == browser.requests() == []


def test_labels_have_the_counts_of_the_artifacts(browser, tmp_path):
    home = drawn(tmp_path, "multilabel")
    assert run(home, "report")[0] == 0
    table = project_of(home).folds
    truth = labels.to_array(table["label"], project_of(home).competition).astype(bool)
    browser.open(home / "out/report.html")
    name = browser.run("document.querySelector('#cards dl div:nth-child(2) dt').textContent")
    answered = np.empty_like(truth)
    for k in range(3):
        with np.load(Run(home / "out", name).oof(k)) as arrays:
            decided = arrays["probs"] >= 0.5
            decided[~decided.any(1), arrays["probs"][~decided.any(1)].argmax(1)] = True
            answered[table.set_index("image").index.get_indexer(arrays["ids"])] = decided
    cells = browser.run(
        "[...document.querySelectorAll('button[data-kind=label]')].map(b => ({...b.dataset, text: b.textContent}))"
    )
    counts = {"right": truth & answered, "missed": truth & ~answered, "extra": ~truth & answered}
    for cell in cells:
        assert int(cell["text"]) == counts[cell["outcome"]][:, int(cell["answer"])].sum()
    assert matching(browser) == (truth != answered).any(1).sum()
