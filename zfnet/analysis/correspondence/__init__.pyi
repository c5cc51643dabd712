from .permutation import LEAST_BLOCKS as LEAST_BLOCKS
from .sign_changes import PartChange as PartChange, correspondence as correspondence
