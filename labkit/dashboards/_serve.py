"""One dashboard as a web page, through Voilà."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit.dashboards._dashboard import builder
from labkit.errors import InputError

_HOST = "127.0.0.1"


def serve(
    name: str,
    options: dict[str, Any],
    ready: Callable[[str], None],
    *,
    port: int | None = None,
    open_browser: bool = True,
) -> None:
    """Serves a dashboard on the loopback interface until it is interrupted; a kernel for each page.

    Args:
        name: of the dashboard.
        options: of the dashboard; texts, lists of texts and numbers.
        ready: called with the address, which holds the token that opens it, once it answers.
        port: one that is free where none is named.
        open_browser: whether to show the page.

    Raises:
        InputError: if there is no such dashboard or option, or the port is taken.
    """
    builder(name, options)
    port, token = _free(port), secrets.token_urlsafe(24)
    # Voilà looks for page templates in the folders that Jupyter has for data.
    pages = str(Path(__file__).with_name("pages"))
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [pages, os.environ.get("JUPYTER_PATH")]))

    import nbformat
    from tornado.ioloop import IOLoop
    from voila.app import Voila
    from voila.voila_identity_provider import VoilaIdentityProvider

    cell = (
        f"import os\nos.chdir({os.getcwd()!r})\n"  # Voilà starts kernels where the notebook lies
        f"from labkit.dashboards import dashboard\ndashboard({name!r}, **{options!r})"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    url = f"http://{_HOST}:{port}/?token={token}"

    def tell() -> None:
        ready(url)
        if open_browser:
            webbrowser.open(url)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"labkit {name}.ipynb"
        nbformat.write(notebook, path)
        server = Voila(
            ip=_HOST,
            port=port,
            port_retries=0,
            token=token,
            identity_provider_class=VoilaIdentityProvider,  # the token alone, no passwords
            notebook_path=str(path),
            open_browser=False,
            log_level="ERROR",
            config_file_paths=[],  # a file in the working directory can't open the page to everyone
        )
        server.initialize(["--template=labkit"])
        IOLoop.current().add_callback(tell)  # comes to pass when the server listens
        server.start()


def _free(port: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port or 0))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"--port {port}: {reason}; without --port a free one is taken") from None
        return int(probe.getsockname()[1])
