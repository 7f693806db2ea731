import itertools
import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import ipywidgets
import pytest

from labkit.cli import main
from labkit.dashboards import dashboard
from labkit.dashboards._chart import Chart
from labkit.dashboards._chart_widget import chart, show, update
from labkit.dashboards._dashboard import DASHBOARDS, close
from labkit.dashboards._live import Background, Ticker, column, control, row
from labkit.errors import EvaluationError, InputError


def _until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def _text(widget: ipywidgets.Widget) -> str:
    own = [str(getattr(widget, name)) for name in ("value", "description") if hasattr(widget, name)]
    return " ".join([*own, *(_text(child) for child in getattr(widget, "children", ()))])


def _button(widget: ipywidgets.Widget) -> ipywidgets.ToggleButton:
    return next(w for w in widget.children if isinstance(w, ipywidgets.ToggleButton))


def test_a_chart_takes_other_data_and_tells_them_in_words() -> None:
    figure = chart("no energies yet")
    shown = row(figure)
    assert 'aria-label="no energies yet"' in _text(shown)
    update(figure, [{"x": [1, 2], "y": [3.0, 4.0], "name": "SQD"}], "SQD, <2> energies")
    first = figure.data[0]
    update(figure, [{"x": [1, 2, 3], "y": [3.0, 4.0, 5.0], "name": "SQD"}], "SQD, 3 energies")
    assert figure.data[0] is first  # changed where it was, not drawn anew
    assert first.x == (1, 2, 3)
    assert 'aria-label="SQD, 3 energies"' in _text(shown)


def test_a_chart_in_place_of_another_keeps_nothing_of_it_but_the_readers_zoom() -> None:
    figure = chart("none yet")
    rows = {"tickvals": [0, 1], "ticktext": ["LUMI", "Alps\nCSCS"], "range": (1.5, -0.5)}
    show(figure, Chart("Jobs", "hours", "", [], "jobs of two", x={"range": (0, 9)}, y=rows))
    assert figure.layout.title.text == "Jobs" and figure.layout.yaxis.ticktext == ("LUMI", "Alps<br>CSCS")
    figure.layout.xaxis.range = (2, 3)
    day = {"title": {"text": "g/kWh"}, "range": (0, 500)}
    show(figure, Chart("PUE", "hours", "PUE", [], "a day", y={"range": (1, 1.2)}, right=day))
    axis = figure.layout.yaxis
    assert (axis.tickvals, axis.ticktext, axis.range) == (None, None, (1, 1.2))
    assert figure.layout.yaxis2.range == (0, 500) and figure.layout.xaxis.range is None
    figure.layout.xaxis.range = (2, 3)
    show(figure, Chart("PUE", "hours", "PUE", [], "the next day"))
    assert figure.layout.xaxis.range == (2, 3) and figure.layout.yaxis2.range is None


def test_a_chart_takes_traces_of_another_kind_and_fewer_of_them() -> None:
    figure = chart("a")
    update(figure, [{"x": [1], "y": [1], "mode": "lines"}, {"x": [1], "y": [2]}], "two")
    update(figure, [{"type": "bar", "x": ["a"], "y": [2]}], "one")
    assert [trace.type for trace in figure.data] == ["bar"]
    update(figure, [{"type": "bar", "x": ["a"], "y": [2], "name": "b"}], "named")
    update(figure, [{"type": "bar", "x": ["a"], "y": [3]}], "a name isn't left over")
    assert figure.data[0].name is None


def test_what_an_update_leaves_out_of_a_marker_is_gone() -> None:
    figure = chart("a")
    update(figure, [{"x": [1], "y": [1], "marker": {"color": "red", "size": 5}}], "red")
    update(figure, [{"x": [1], "y": [1], "marker": {"size": 6}}], "of the template's colour")
    assert figure.data[0].marker.color is None
    assert figure.data[0].marker.size == 6


def test_letters_in_charts_are_at_least_12_px_and_colours_are_the_palettes() -> None:
    from labkit.dashboards import palette

    template = chart("a").layout.template.layout
    assert template.font.size >= 12
    assert template.colorway == palette.SERIES


@pytest.mark.parametrize(
    ("kind", "options"),
    [("slider", {"max": 9}), ("choice", {"options": ["a"]}), ("check", {}), ("button", {}), ("range", {})],
)
def test_a_control_says_what_it_sets_in_full(kind: str, options: dict[str, object]) -> None:
    widget = control(kind, "two-qubit error (%)", **options)
    assert widget.description == "two-qubit error (%)"
    assert widget.layout.width == "auto"
    if kind != "button":
        assert widget.style.description_width == "initial"


def test_a_button_is_pressed_each_time_and_by_the_same_kind_of_message_as_values() -> None:
    button, pressed = control("button", "Set budget"), list[str]()
    button.on_click(lambda it: pressed.append(it.description))
    button.set_state({"value": True})  # what a page sends
    button.set_state({"value": True})
    button.click()
    assert pressed == ["Set budget"] * 3 and button.value is False


def test_long_work_shows_its_progress_and_then_its_result() -> None:
    go_on, results = threading.Event(), []

    def work(report: Callable[[float, str], None], cancelled: threading.Event) -> int:
        report(0.4, "cycle <2>")
        go_on.wait(5)
        return 7

    background = Background(work, results.append, "energy")
    background.start()
    _until(lambda: "cycle &lt;2&gt;" in _text(background.view))
    assert "0.4" in _text(background.view) and "energy" in _text(background.view)
    assert not _button(background.view).disabled
    go_on.set()
    _until(lambda: "done" in _text(background.view))
    assert results == [7]
    assert _button(background.view).disabled


def test_a_cancelled_work_is_told_so_and_its_result_is_not_shown() -> None:
    results, ended = [], threading.Event()

    def work(report: Callable[[float, str], None], cancelled: threading.Event) -> str:
        cancelled.wait(5)
        ended.set()
        return "late"

    background = Background(work, results.append, "energy")
    background.start()
    _button(background.view).click()
    assert ended.wait(5)
    assert "cancelled" in _text(background.view)
    time.sleep(0.05)
    assert results == []
    assert "cancelled" in _text(background.view)


def test_a_second_start_cancels_the_first_and_two_never_run_at_once() -> None:
    results, inside, most = [], [0], [0]
    turn = iter((1, 2))

    def work(report: Callable[[float, str], None], cancelled: threading.Event) -> int:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        number = next(turn)
        if number == 1:
            cancelled.wait(5)
        inside[0] -= 1
        return number

    background = Background(work, results.append, "energy")
    background.start()
    _until(lambda: inside[0] == 1)
    background.start()
    _until(lambda: bool(results))
    assert results == [2]
    assert most == [1]
    _until(lambda: "done" in _text(background.view))


def test_a_failed_work_is_told_in_one_line() -> None:
    def work(report: Callable[[float, str], None], cancelled: threading.Event) -> None:
        raise EvaluationError("the SCF of 'CCO' doesn't converge")

    background = Background(work, lambda result: None, "energy")
    background.start()
    _until(lambda: "&#x27;CCO&#x27; doesn" in _text(background.view))
    assert _button(background.view).disabled


def test_a_fault_of_the_view_is_told_with_its_kind() -> None:
    background = Background(lambda report, cancelled: {}, lambda result: result["energy"], "energy")
    background.start()
    _until(lambda: "KeyError" in _text(background.view))


def test_a_ticker_ticks_at_most_four_times_a_second() -> None:
    calls: list[float] = []
    ticker = Ticker(lambda: calls.append(time.monotonic()), seconds=0.01)
    _until(lambda: len(calls) >= 4)
    ticker.stop()
    assert min(b - a for a, b in itertools.pairwise(calls)) >= 0.25


def test_a_ticker_shows_an_error_goes_on_and_takes_the_line_away() -> None:
    calls: list[int] = []

    def refresh() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise InputError("journal 'a' is damaged")

    ticker = Ticker(refresh, seconds=0.3)
    _until(lambda: "is damaged" in ticker.view.value)
    _until(lambda: len(calls) >= 2 and ticker.view.value == "")
    ticker.stop()


def test_closing_a_dashboard_stops_its_clock() -> None:
    calls: list[int] = []
    ticker = Ticker(lambda: calls.append(1), seconds=0.25)
    _until(lambda: len(calls) >= 1)
    close(column(row(ticker.view)))
    time.sleep(0.3)
    seen = len(calls)
    time.sleep(0.6)
    assert len(calls) == seen


def test_an_unknown_dashboard_is_refused_with_the_nearest_name_first() -> None:
    with pytest.raises(InputError, match=r"no dashboard 'factry'; there are: factory, "):
        dashboard("factry")
    assert {"campaign", "quantum", "factory", "energy", "comparison"} == set(DASHBOARDS)


def test_an_option_that_a_dashboard_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DASHBOARDS, "energy", f"{__name__}:_with_run")
    monkeypatch.setattr(
        "labkit.dashboards._dashboard.import_module", lambda name: SimpleNamespace(**globals())
    )
    assert dashboard("energy", run="a") == ("widget", "a")
    with pytest.raises(InputError, match=r"dashboard 'energy' has no option 'site'; it has: run"):
        dashboard("energy", site="b")
    with pytest.raises(InputError, match="ui 'text' is unknown; there are: widget, static"):
        dashboard("energy", ui="text")


def _with_run(ui: str, run: str | None = None) -> tuple[str, str | None]:
    return ui, run


def test_what_cannot_be_served_is_refused_before_the_server_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("labkit.dashboards._serve.builder", lambda name, options: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["dashboard", "energy", "--no-browser", "--port", port]) == 2
    assert f"--port {port}: Address already in use" in capsys.readouterr().err
    assert main(["dashboard", "energy", "--no-browser", "--port", "70000"]) == 2
    assert main(["dashboard", "energy", "--run", "nowhere"]) == 2
    assert "no run 'nowhere'" in capsys.readouterr().err


def test_plotlys_code_is_in_no_chart_but_beside_them_once() -> None:
    one, two = (chart("a") for _ in range(2))
    states = [figure.get_state() for figure in (one, two)]
    assert states[0]["_plotly"] == states[1]["_plotly"]
    assert all(len(str(state)) < 100_000 for state in states)
    assert len(one._plotly.source) > 1_000_000


def test_a_page_that_is_opened_later_gets_what_the_chart_shows_now() -> None:
    figure = chart("a")
    update(figure, [{"x": [1], "y": [2], "name": "first"}], "one")
    update(figure, [{"x": [1], "y": [3], "name": "second"}], "two")
    assert figure.get_state()["_widget_data"][0]["name"] == "second"
