"""The few pages that the API itself shows: plain HTML with one style sheet, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

_STYLE = """\
:root{color-scheme:light dark;--ink:#1c1f24;--soft:#5b6370;--line:#dfe3e8;--paper:#fff;--code:#f4f5f7;--mark:#0b5fad}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a0a8b4;--line:#343a43;--paper:#14171b;--code:#1e2329;\
--mark:#7ab8f5}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 5rem}a{color:var(--mark)}h1{font-size:1.8rem;line-height:1.2}
h2{margin:3rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line)}h3{margin:2.25rem 0 .25rem;font-size:1.05rem}
h4{margin:1.25rem 0 .25rem;font-size:.85rem;color:var(--soft);font-weight:600}p{margin:.35rem 0}
code,pre{font:13.5px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace;background:var(--code);border-radius:4px}
code{padding:.1em .3em;overflow-wrap:anywhere}pre{padding:.75rem 1rem;overflow-x:auto}pre code{padding:0}
.method{display:inline-block;min-width:4.2rem;font-weight:700;color:var(--mark)}.soft{color:var(--soft)}
.table{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .9rem .4rem 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}ul{padding-left:1.2rem}nav ul{columns:2 20rem;list-style:none;padding:0}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def page(title: str, body: str) -> HTMLResponse:
    """A page. `body` is HTML whose texts are escaped already."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    return HTMLResponse(html, headers={"content-security-policy": _POLICY})


def prose(text: str) -> str:
    """Escaped text in which `backticks` mark code and an empty line ends a paragraph."""
    paragraphs = [block.strip() for block in text.split("\n\n") if block.strip()]
    return "".join(f"<p>{marked(block)}</p>" for block in paragraphs)


def marked(text: str) -> str:
    """Escaped text in which `backticks` mark code."""
    parts = escape(text).split("`")
    # An odd number of parts means that the backticks come in pairs.
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table whose cells are HTML already."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
