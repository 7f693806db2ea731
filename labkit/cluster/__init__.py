"""The AI-factory twin: machines, links, schedulers, power and cooling, data zones and QPUs of a federation.

Names (listed in ``__init__.pyi``) are looked up when they are first used: the scheduler's compiled core takes
a second to load.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
