"""Campaigns: specification, oracles, engines, the loop and the runs that it leaves.

Names (listed in ``__init__.pyi``) are looked up when they are first used, so that a worker process, which
needs only the oracles, doesn't load the language model.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
