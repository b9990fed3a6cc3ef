"""Whether two names are of one person, in a dozen scripts, and which names can be written down."""

import pytest

from bank_app.domain.names import clean, compare, problem

# One person each, written as people write it.
SAME = [
    ("José García", "Jose Garcia"), ("JOSE\u0301 GARCI\u0301A", "José García"), ("Jürgen Groß", "Juergen Gross"),
    ("Jürgen Groß", "JURGEN GROSS"), ("Łukasz Żółw", "Lukasz Zolw"), ("Søren Ærø", "Soeren Aeroe"), ("Søren", "Soren"),
    ("Åse Ödman", "Aase Oedman"), ("İbrahim Işık", "ibrahim isik"), ("Đặng Thị Hồng", "Dang Thi Hong"),
    ("Sinéad O’Neill", "Sinead ONeill"), ("Mary O'Neill", "Mary OʼNeill"), ("Jean-Luc Picard", "Jean Luc Picard"),
    ("Anne\u2011Marie", "Anne-Marie"), ("Ｊｏｈｎ Ｄｏｅ", "John Doe"), ("Lindqvist, Ada", "Ada Lindqvist"),
    ("ﬁona", "Fiona"), ("Gal·la Ràfols", "Galla Rafols"),
    ("Γιώργος Οδυσσεύς", "ΓΙΩΡΓΟΣ ΟΔΥΣΣΕΥΣ"), ("Ἀθηνᾶ", "Αθηνα"),
    ("Семён Фёдоров", "Семен Федоров"), ("Кири́лл", "КИРИЛЛ"), ("Сергей", "серге\u0438\u0306"),
    ("मोना शर्मा", " मोना  शर्मा "), ("ন\u09c7\u09beট", "নোট"),  # a vowel sign in two parts and in one
    ("田中 太郎", "田中太郎"), ("ﾊﾞﾊﾞ ﾀﾛｳ", "ババ タロウ"), ("か\u3099き", "がき"),
    ("김민준", "\u1100\u1175\u11b7\u1106\u1175\u11ab\u110c\u116e\u11ab"), ("김 민준", "김민준"),
    ("สมชาย ใจดี", "สมชายใจดี"), ("สุขใจ นำชัย", "สุขใจ น\u0e4d\u0e32ชัย"),
    ("علی‌رضا", "علیرضا"), ("سارة خوري", "خوري سارة"), ("שרה כהן", "כהן שרה"),
    ("\u200fשרה", "שרה"), ("Գուրգեն", "գուրգեն"), ("გიორგი", "გიორგი"),
]  # fmt: skip
# Two people each.
OTHERS = [
    ("मोना", "मीना"), ("मोना शर्मा", "मीना शर्मा"), ("राम", "रमा"), ("गीता", "गाता"), ("सुनील", "सुनिल"),
    ("কলা", "কালা"), ("রিনা", "রীনা"), ("রানা সেন", "রিনা সেন"),
    ("ਮਨ", "ਮਾਨ"), ("રમા", "રામ"), ("மாலா", "மலர்"), ("கவிதா", "கவிதை"), ("రమ", "రామ"), ("ಮನ", "ಮಾನ"), ("മനു", "മിനു"),
    ("නිමල්", "නිමාල්"), ("สุดา", "สีดา"), ("มานี", "มานะ"), ("ป่า", "ป้า"), ("ຄໍາ", "ຄຳ້"), ("មាន", "មិន"), ("សុខ", "សៅខ"),
    ("မင်း", "မောင်"), ("བཀྲ", "བཀྲི"),
    ("かき", "がき"), ("カナ", "ガナ"), ("はな", "ばな"), ("はな", "ぱな"), ("たいち", "だいち"), ("はなこ", "ハナコ"),
    ("田中太郎", "田中次郎"), ("王伟", "王芳"), ("王伟", "王偉"), ("김민준", "김민수"), ("김민준", "김민진"),
    ("강", "간"), ("محمد", "محمود"), ("حسن", "حسين"), ("سارة", "سمرة"), ("مُنى", "مَنى"), ("שרה", "שירה"), ("דָן", "דִן"),
    ("ሰላም", "ሳላም"), ("ᠪᠠᠲᠤ", "ᠪᠠᠲᠤᠷ"), ("Ada", "Ida Rose"), ("Сергей", "Андрей"), ("Ана", "Яна Б"),
]  # fmt: skip
NEARLY = [
    ("Ada Lindquist", "Ada Lindqvist"), ("A. Lindqvist", "Ada Lindqvist"), ("Ada Lindqvits", "Ada Lindqvist"),
    ("Jose Garzia", "José García"), ("Muller", "Mueller"), ("Γιώργος Παπας", "Γιώργος Παππάς"),
    ("Сергеи Иванов", "Сергей Иванов"), ("Наталия Петрова", "Наталья Петрова"), ("Їжакевич", "Іжакевич"),
    ("Аda Lindqvist", "Ada Lindqvist"),  # its first letter is Cyrillic
    ("アレクサンドル ガリン", "アレクサンダル ガリン"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_person_however_it_is_written(one, other):
    assert compare(one, other) == compare(other, one) == "match"


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_another_person_is_neither_confirmed_nor_named(one, other):
    assert compare(one, other) == compare(other, one) == "none"


@pytest.mark.parametrize(("typed", "owner"), NEARLY)
def test_a_slip_of_the_pen_is_close(typed, owner):
    assert compare(typed, owner) == "close"


@pytest.mark.parametrize(
    "name",
    [
        "Q", "李", "علی‌رضا", "ශ්‍රීමතී", "സുനില്‍", "র‍্যাশ", "O’Neill", "O'Neill", "Hawaiʻi Kaʻiulani", "D`Arcy", "Jean-Luc",
        "Anne\u2011Marie", "José", "Jose\u0301", "Ǹǵugi\u0303", "مُحَمَّد", "דָּוִד", "ទេវី", "Ada " * 25, "मोहिनी" * 16,
        "R2-D2", "김민준", "Дьо́рдь", "X Æ A-12", "葛󠄀城", "!!!", "Ada 👩‍🚀", "3rd Street Co. & Sons (Ltd.)",
    ],
)  # fmt: skip
def test_these_are_names(name):
    assert problem(clean(name)) is None


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("Ada\u202eadA", "HIDDEN", "U+202E (right-to-left override)"), ("Ada\u200b", "HIDDEN", "U+200B"),
        ("Ada\x00", "HIDDEN", "U+0000 (NUL)"), ("\ufeffAda", "HIDDEN", "U+FEFF"), ("Ad\u200da", "HIDDEN", "joiner"),
        ("A\u00adda", "HIDDEN", "soft hyphen"), ("\u3164", "HIDDEN", "U+3164"), ("Ada\x1b[31m", "HIDDEN", "escape"),
        ("   ", "INVALID", "1 to 100"), ("\u00a0\u2003", "INVALID", "1 to 100"), ("Ada\ue000", "INVALID", "1 to 100"),
        ("A" * 101, "LONG", "now 101"), ("मो" * 101, "LONG", "now 101"), ("a" + "\u0301" * 500, "LONG", "made of more"),
    ],
    ids=lambda text: ascii(text)[:20],
)  # fmt: skip
def test_what_is_wrong_with_a_name_is_said(name, kind, words):
    found = problem(clean(name))
    assert found.kind == kind
    assert words in found.message
