from maimod.linter import *  # noqa
from maimod.linter import _find
