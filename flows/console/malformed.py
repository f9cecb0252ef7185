"""What reading a journal or a result may raise that ChaosLab did not write: of another version, or made to do harm."""

MALFORMED = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)
