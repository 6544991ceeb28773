# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Everything that keeps people out of the bundled server, or data out of their sight, in one call: gate.py, page_policy.py,
sign_in.py, blind.py, closed_rounds.py."""

from __future__ import annotations

from pathlib import Path


def guarded(app, home: Path):
    """The application to serve in the place of argilla-server's. Call when nothing else changes the page any more."""
    import blind
    import closed_rounds
    import sign_in
    from argilla_server.api.routes import api_v1
    from gate import Gate
    from page_policy import move_frame, page_policy
    from teach_page import TeachPage

    root = next(Path(route.app.directory) for route in app.routes if getattr(route, "name", None) == "static")
    move_frame(root)
    sign_in.install(home)
    closed_rounds.install()
    blind.install(app, api_v1)
    return Gate(TeachPage(app), sign_in.client_address.set, sign_in.end, page_policy(root))
