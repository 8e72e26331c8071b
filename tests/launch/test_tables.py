"""Tables are printed whole, however narrow the terminal is."""

import io

from rich.console import Console

from launch.tables import print_rows


def test_a_table_wider_than_its_terminal_keeps_every_figure() -> None:
    output = io.StringIO()
    row = {f"figure {index} per second": 12_345.6 + index for index in range(8)}
    print_rows([row], title="wide", console=Console(file=output, width=40))
    title, headings, figures = output.getvalue().rstrip("\n").split("\n")
    assert title.strip() == "wide" and all(key in headings for key in row)
    assert figures.split() == [f"{value:,.0f}" for value in row.values()]
