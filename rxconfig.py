"""Settings of Reflex, the framework of the browser side; every one can be overridden by REFLEX_<NAME>."""

import reflex as rx

from bank_app.build import SameOriginEndpoints

config = rx.Config(
    app_name="bank_app",
    # Replaced in the build by the address that the page itself came from.
    api_url="http://127.0.0.1:3000",
    deploy_url="http://127.0.0.1:3000",
    # No other website may read an answer; the socket's own origin check is set where the app is composed.
    cors_allowed_origins=[],
    # A tab's state is a view that can be rebuilt from cookie and database; pickles on disk would hold customer data.
    state_manager_mode="memory",
    redis_token_expiration=900,
    frontend_compression_formats=["brotli", "gzip"],
    show_built_with_reflex=False,
    telemetry_enabled=False,
    default_color_mode="system",
    disable_plugins=[rx.plugins.SitemapPlugin],
    plugins=[SameOriginEndpoints()],
)
