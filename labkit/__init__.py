"""labkit: a hybrid computing lab for drug discovery.

A chemical language model proposes molecules, docking and a quantum layer judge them, the results go back into
the model. Nothing heavy is imported until a name (listed in ``__init__.pyi``) is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
