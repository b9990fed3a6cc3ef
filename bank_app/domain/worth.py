"""About how many units of a currency a dollar is, in round numbers: an order of magnitude and no rate of exchange."""

from __future__ import annotations

_UNITS = {
    10: "BWP CNY CZK DKK EGP GTQ HKD HNL MDL MOP MXN NAD NOK PHP SCR SEK SLE STN SZL THB TRY TWD UAH ZAR ZMW",
    100: "ALL AMD ARS BDT BTN CRC CVE DJF DOP DZD ETB GMD GYD HTG HUF INR ISK JMD JPY KES KGS KMF KZT LKR LRD MKD MUR"
    " MVR NPR NIO PKR RSD RUB SDG SSP TJS UYI VES VUV XPF YER",
    1_000: "AOA BIF CDF CLP COP IQD KHR KPW KRW MGA MMK MNT MWK NGN RWF SOS TZS UGX XAF XOF",
    10_000: "GNF IDR LAK PYG SYP UZS VND",
    100_000: "IRR LBP",
}
_OF_A_DOLLAR = {code: units for units, codes in _UNITS.items() for code in codes.split()}


def units_of_a_dollar(code: str) -> int:
    """Returns how many units of a currency are about a dollar; one for what is worth about as much."""
    return _OF_A_DOLLAR.get(code, 1)
