"""All pages: their addresses, titles, first events, and whether they need somebody signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx

from bank_app.ui import current
from bank_app.ui.books import BooksState
from bank_app.ui.current import Page
from bank_app.ui.downloads import CONFIRM
from bank_app.ui.first_steps import FirstStepsState
from bank_app.ui.guard import ENROL
from bank_app.ui.helped import HelpedState
from bank_app.ui.live import LiveState
from bank_app.ui.pages.account import AccountState
from bank_app.ui.pages.account_ledger import LedgerState
from bank_app.ui.pages.account_view import account
from bank_app.ui.pages.accounts import AccountsState, OpenAccountState, account_list, open_account
from bank_app.ui.pages.activity import ActivityState, activity
from bank_app.ui.pages.appearance import AppearanceState, appearance
from bank_app.ui.pages.cash import DepositState, WithdrawState, deposit, withdraw
from bank_app.ui.pages.confirm import ConfirmState, confirm
from bank_app.ui.pages.forgot import ResetState, forgot, reset
from bank_app.ui.pages.help import help_page
from bank_app.ui.pages.home import HOME_CARDS, HomeState, home
from bank_app.ui.pages.lab import LabState, lab
from bank_app.ui.pages.lab_compare import LabCompareState
from bank_app.ui.pages.lab_compare_view import lab_compare
from bank_app.ui.pages.lab_report import LabReportState
from bank_app.ui.pages.lab_report_view import lab_report
from bank_app.ui.pages.lab_run import LabRunState
from bank_app.ui.pages.lab_run_view import lab_run
from bank_app.ui.pages.landing import landing
from bank_app.ui.pages.move import MoveState, move
from bank_app.ui.pages.not_found import not_found
from bank_app.ui.pages.notifications import NotificationsState, notifications
from bank_app.ui.pages.ops_account import OpsAccountState
from bank_app.ui.pages.ops_account_view import ops_account
from bank_app.ui.pages.ops_accounts import DeskState, ops_accounts
from bank_app.ui.pages.ops_approvals import ApprovalsState, ApprovalState
from bank_app.ui.pages.ops_approvals_view import ops_approval, ops_approvals
from bank_app.ui.pages.ops_audit import AuditState
from bank_app.ui.pages.ops_audit_view import ops_audit
from bank_app.ui.pages.ops_books import OpsBooksState
from bank_app.ui.pages.ops_books_view import ops_books
from bank_app.ui.pages.ops_customer import RecordState
from bank_app.ui.pages.ops_customer_view import ops_customer
from bank_app.ui.pages.ops_customers import CustomersState, ops_customers
from bank_app.ui.pages.ops_health import HealthState, ops_health
from bank_app.ui.pages.ops_queue import QueueState, ops_queue
from bank_app.ui.pages.ops_reversal import ReversalState
from bank_app.ui.pages.ops_reversal_view import ops_reversal
from bank_app.ui.pages.ops_security import SecurityEventsState
from bank_app.ui.pages.ops_security_view import ops_security
from bank_app.ui.pages.ops_transaction import TransactionFileState
from bank_app.ui.pages.ops_transaction_view import ops_transaction
from bank_app.ui.pages.ops_transactions import TransactionListState, ops_transactions
from bank_app.ui.pages.ops_users import RoleState, UsersState
from bank_app.ui.pages.ops_users_view import ops_role, ops_users
from bank_app.ui.pages.payee_offer import OfferState
from bank_app.ui.pages.payees import NewPayeeState, PayeesState
from bank_app.ui.pages.payees_view import new_payee, payees_list
from bank_app.ui.pages.receipt import ReceiptState
from bank_app.ui.pages.receipt_view import receipt
from bank_app.ui.pages.review import ReviewState
from bank_app.ui.pages.review_view import review
from bank_app.ui.pages.security import SecurityState
from bank_app.ui.pages.security_view import security
from bank_app.ui.pages.settings import ProfileState, profile, settings
from bank_app.ui.pages.setup import SetupState, setup
from bank_app.ui.pages.side_by_side import SideBySideState, side_by_side
from bank_app.ui.pages.sign_in import SignInState, sign_in
from bank_app.ui.pages.sign_in_code import CodeState, sign_in_code
from bank_app.ui.pages.sign_up import SignUpState, sign_up
from bank_app.ui.pages.statements import StatementsState, StatementState
from bank_app.ui.pages.statements_view import statement, statement_list
from bank_app.ui.pages.transfer import TransferState
from bank_app.ui.pages.transfer_view import transfer
from bank_app.ui.pages.two_step import TwoStepState, enrol, two_step
from bank_app.ui.session import SessionState
from bank_app.ui.verifying import ChainState

STYLES = (
    "tokens", "base", "shell", "accounts", "forms", "moving", "dialogs", "front", "live", "customer", "filters",
    "people", "desk", "proofs", "settings", "lab", "narrow",
)  # fmt: skip
# Addresses that start with these are pages for people signed in.
PROTECTED = (
    "/home", "/accounts", "/move", "/transactions", "/activity", "/payees", "/statements", "/notifications",
    "/settings", "/help", "/demo", "/lab", ENROL, CONFIRM,
)  # fmt: skip
# And these for the bank's people only.
STAFF = "/ops"
# Pages for visitors; somebody signed in is sent on.
WELCOME = ("/", "/sign-in", "/sign-in/code", "/sign-up")


PAGES: tuple[Page, ...] = (
    Page("/", "Welcome", landing, (SignInState.open,)),
    Page("/sign-in", "Sign in", sign_in, (SignInState.open,)),
    Page("/sign-in/code", "Enter your code", sign_in_code, (CodeState.open,)),
    Page("/forgot", "Forgot your password", forgot),
    Page("/reset", "Choose a new password", reset, (ResetState.open,)),
    Page("/setup", "Set up your bank", setup, (SetupState.open,)),
    Page("/sign-up", "Create account", sign_up, (SignUpState.open,)),
    Page(
        "/home",
        "Home",
        home,
        (HomeState.open, *HOME_CARDS, FirstStepsState.open),
        HomeState.refresh,
        (HomeState.refresh, FirstStepsState.open),
    ),
    Page("/accounts", "Accounts", account_list, (AccountsState.open,), AccountsState.refresh),
    Page("/accounts/new", "Open an account", open_account, (OpenAccountState.open,)),
    Page(
        "/accounts/[account_id]",
        "Account",
        account,
        (AccountState.open, LedgerState.open),
        AccountState.refresh,
        (AccountState.redraw,),
    ),
    Page("/activity", "Activity", activity, (ActivityState.open,), ActivityState.refresh, (ActivityState.open,)),
    Page("/payees", "Payees", payees_list, (PayeesState.open,), PayeesState.refresh),
    Page("/statements", "Statements", statement_list, (StatementsState.open,), StatementsState.refresh),
    Page("/statements/[account_id]", "Statement", statement, (StatementState.open,)),
    Page("/payees/new", "Add a payee", new_payee, (NewPayeeState.open,)),
    Page("/move", "Move money", move, (MoveState.open,), MoveState.refresh),
    Page("/move/transfer", "Send money", transfer, (TransferState.open,), TransferState.refresh),
    Page("/move/deposit", "Add money", deposit, (DepositState.open,), DepositState.refresh),
    Page("/move/withdraw", "Take money out", withdraw, (WithdrawState.open,), WithdrawState.refresh),
    Page("/move/review/[draft_id]", "Check", review, (ReviewState.open,), ReviewState.refresh),
    Page(
        "/transactions/[transaction_id]",
        "Receipt",
        receipt,
        (ReceiptState.open, OfferState.open),
        ReceiptState.refresh,
    ),
    Page("/ops", "Queue", ops_queue, (QueueState.open,), refresh=QueueState.refresh),
    Page("/ops/customers", "Customers", ops_customers, (CustomersState.open,), CustomersState.refresh),
    Page("/ops/customers/[user_id]", "Customer", ops_customer, (RecordState.open,), RecordState.refresh),
    Page("/ops/users", "Users", ops_users, (UsersState.open,), UsersState.refresh),
    Page("/ops/users/[user_id]", "Role", ops_role, (RoleState.open,)),
    Page("/ops/accounts", "All accounts", ops_accounts, (DeskState.open,), DeskState.refresh),
    Page("/ops/accounts/[account_id]", "Account file", ops_account, (OpsAccountState.open,), OpsAccountState.refresh),
    Page(
        "/ops/transactions",
        "Transactions",
        ops_transactions,
        (TransactionListState.open,),
        TransactionListState.refresh,
    ),
    Page(
        "/ops/transactions/[transaction_id]",
        "Transaction",
        ops_transaction,
        (TransactionFileState.open,),
        TransactionFileState.refresh,
    ),
    Page(
        "/ops/transactions/[transaction_id]/reverse",
        "Reverse",
        ops_reversal,
        (ReversalState.open,),
        ReversalState.refresh,
    ),
    Page(CONFIRM, "Enter a code", confirm, (ConfirmState.open,)),
    Page(ENROL, "Set up two-step sign-in", enrol, (TwoStepState.open,)),
    Page("/settings", "Settings", settings),
    Page("/settings/profile", "Profile", profile, (ProfileState.open,), ProfileState.refresh),
    Page("/settings/security", "Security", security, (SecurityState.open,), SecurityState.refresh),
    Page("/settings/security/two-step", "Two-step sign-in", two_step, (TwoStepState.open,)),
    Page("/settings/appearance", "Appearance", appearance, (AppearanceState.open,)),
    Page("/ops/approvals", "Approvals", ops_approvals, (ApprovalsState.open,), ApprovalsState.refresh),
    Page("/ops/approvals/[approval_id]", "Approval", ops_approval, (ApprovalState.open,), ApprovalState.refresh),
    Page("/ops/audit", "Audit trail", ops_audit, (AuditState.open,), AuditState.refresh),
    Page("/ops/security", "Security events", ops_security, (SecurityEventsState.open,), SecurityEventsState.refresh),
    Page("/ops/books", "Books", ops_books, (OpsBooksState.open,), OpsBooksState.refresh),
    Page("/ops/health", "Health", ops_health, (HealthState.open,), HealthState.refresh),
    Page("/lab", "Lab", lab, (LabState.open,), LabState.refresh),
    Page("/lab/run", "Run in the lab", lab_run, (LabRunState.open,), LabRunState.refresh, (LabRunState.redraw,)),
    Page(
        "/lab/compare",
        "Compare strategies",
        lab_compare,
        (LabCompareState.open,),
        LabCompareState.refresh,
        (LabCompareState.redraw,),
    ),
    Page("/lab/runs/[run_id]", "Report of a run", lab_report, (LabReportState.open,)),
    Page("/help", "Help", help_page),
    Page("/demo/side-by-side", "Side by side", side_by_side, (SideBySideState.open,), refresh=SideBySideState.refresh),
    Page(
        "/notifications",
        "Notifications",
        notifications,
        (NotificationsState.open,),
        NotificationsState.refresh,
        (NotificationsState.open,),
    ),
    Page("404", "Page not found", not_found),
)


def add_pages(app: rx.App) -> None:
    """Registers every page; titles end with the name of the bank."""
    current.publish(PAGES)
    for page in PAGES:
        # First of all a page says what it will show, so that no change falls between reading and watching.
        watch = [LiveState.watch, HelpedState.look] if page.route.startswith((*PROTECTED, STAFF)) else []
        # Wherever the bank's people are, they see that the audit trail is broken.
        chain = [ChainState.look] if page.route.startswith(STAFF) else []
        component, title = _as_seen(page)
        app.add_page(
            component,
            route=page.route,
            title=title + " – " + SessionState.bank_name,
            on_load=[*watch, *page.on_load, BooksState.look, *chain],
        )


def _as_seen(page: Page) -> tuple[Callable[[], rx.Component], Any]:
    """The page and its title, or for customers who have no business there what the server answers them: not found."""
    theirs = SessionState.is_staff | ~SessionState.signed_in
    if page.route.startswith("/lab"):
        theirs = theirs | SessionState.demo
    elif not page.route.startswith(STAFF):
        return page.component, rx.Var.create(page.title)
    return lambda: rx.cond(theirs, page.component(), not_found()), rx.cond(theirs, page.title, "Page not found")
