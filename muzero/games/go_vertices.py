"""Points of a Go board as Go players and GTP write them, such as D4: letters without I, lines counted from the lowest."""

COLUMNS = "ABCDEFGHJKLMNOPQRST"
PASS = "pass"


def vertex_of_action(action: int, board_size: int) -> str:
    """Returns the name of a move, as numbered by `muzero/games/go.py`."""
    row, column = divmod(action, board_size)
    return PASS if row == board_size else f"{COLUMNS[column]}{row + 1}"


def action_of_vertex(vertex: str, board_size: int) -> int | None:
    """Returns the number of a move, in upper or lower case, or None where there is no such point."""
    if vertex.lower() == PASS:
        return board_size * board_size
    column, line = COLUMNS.find(vertex[:1].upper()), vertex[1:]
    if not vertex or not 0 <= column < board_size or not (line.isascii() and line.isdigit()) or not 1 <= int(line) <= board_size:
        return None
    return (int(line) - 1) * board_size + column
