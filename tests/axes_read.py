"""What a drawn figure or a printed table shows, read back."""

__all__ = ["dotted", "drawn", "lines_of"]


def drawn(ax):
    """Places and values of each line by its label."""
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines}


def dotted(ax):
    """Height of the one dotted line."""
    (line,) = (line for line in ax.lines if line.get_linestyle() == ":")
    return line.get_ydata()[0]


def lines_of(table):
    """Lines of a table in which no number is torn from its error."""
    assert " ±" not in table and "± " not in table
    return table.replace("\N{NO-BREAK SPACE}", " ").splitlines()
