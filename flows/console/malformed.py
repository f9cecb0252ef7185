"""What reading a journal or a result may raise that ChaosLab did not write: of another version, or made to do harm."""

from chaos.errors import SpecError

MALFORMED = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError, SpecError)
