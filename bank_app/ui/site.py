"""All pages: their addresses, titles, first events, and whether they need somebody signed in."""

from __future__ import annotations

import reflex as rx

from bank_app.ui import current
from bank_app.ui.books import BooksState
from bank_app.ui.current import Page
from bank_app.ui.live import LiveState
from bank_app.ui.pages.account import AccountState
from bank_app.ui.pages.account_view import account
from bank_app.ui.pages.accounts import AccountsState, OpenAccountState, account_list, open_account
from bank_app.ui.pages.cash import DepositState, WithdrawState, deposit, withdraw
from bank_app.ui.pages.desk import DeskState, desk
from bank_app.ui.pages.help import help_page
from bank_app.ui.pages.home import HOME_CARDS, HomeState, home
from bank_app.ui.pages.landing import landing
from bank_app.ui.pages.move import MoveState, move
from bank_app.ui.pages.not_found import not_found
from bank_app.ui.pages.notifications import NotificationsState, notifications
from bank_app.ui.pages.receipt import ReceiptState
from bank_app.ui.pages.receipt_view import receipt
from bank_app.ui.pages.review import ReviewState
from bank_app.ui.pages.review_view import review
from bank_app.ui.pages.sign_in import SignInState, sign_in
from bank_app.ui.pages.sign_up import SignUpState, sign_up
from bank_app.ui.pages.transfer import TransferState
from bank_app.ui.pages.transfer_view import transfer
from bank_app.ui.session import SessionState

STYLES = ("tokens", "base", "shell", "accounts", "forms", "moving", "dialogs", "front", "live", "customer")
# Addresses that start with these are pages for people signed in.
PROTECTED = (
    "/home", "/accounts", "/move", "/transactions", "/payees", "/statements", "/notifications", "/settings", "/help",
)  # fmt: skip
# And these for the bank's people only.
STAFF = "/ops"
# Pages for visitors; somebody signed in is sent on.
WELCOME = ("/", "/sign-in", "/sign-up")


PAGES: tuple[Page, ...] = (
    Page("/", "Welcome", landing, (SignInState.open,)),
    Page("/sign-in", "Sign in", sign_in, (SignInState.open,)),
    Page("/sign-up", "Create account", sign_up, (SignUpState.open,)),
    Page("/home", "Home", home, (HomeState.open, *HOME_CARDS), refresh=HomeState.refresh),
    Page("/accounts", "Accounts", account_list, (AccountsState.open,)),
    Page("/accounts/new", "Open an account", open_account, (OpenAccountState.open,)),
    Page("/accounts/[account_id]", "Account", account, (AccountState.open,)),
    Page("/move", "Move money", move, (MoveState.open,)),
    Page("/move/transfer", "Send money", transfer, (TransferState.open,)),
    Page("/move/deposit", "Add money", deposit, (DepositState.open,)),
    Page("/move/withdraw", "Take money out", withdraw, (WithdrawState.open,)),
    Page("/move/review/[draft_id]", "Check", review, (ReviewState.open,)),
    Page("/transactions/[transaction_id]", "Receipt", receipt, (ReceiptState.open,)),
    Page("/ops", "Queue", desk, (DeskState.open,)),
    Page("/ops/accounts", "All accounts", desk, (DeskState.open,)),
    Page("/help", "Help", help_page),
    Page(
        "/notifications", "Notifications", notifications, (NotificationsState.open,),
        refresh=NotificationsState.refresh,
    ),
    Page("404", "Page not found", not_found),
)


def add_pages(app: rx.App) -> None:
    """Registers every page; titles end with the name of the bank."""
    current.publish(PAGES)
    for page in PAGES:
        # First of all a page says what it will show, so that no change falls between reading and watching.
        watch = [LiveState.watch] if page.route.startswith((*PROTECTED, STAFF)) else []
        app.add_page(
            page.component,
            route=page.route,
            title=rx.Var.create(page.title + " – ") + SessionState.bank_name,
            on_load=[*watch, *page.on_load, BooksState.look],
        )
