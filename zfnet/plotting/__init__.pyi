from .one_line import plot as plot, shown as shown
