"""Expressions of columns for import_events.py: parsed by Python, computed by numpy, never given to eval."""
import ast
import dataclasses
import difflib
import functools
import operator

import numpy as np

# What expressions may use beside columns: numpy's functions of these names.
FUNCTIONS = {name: getattr(np, name) for name in (
    "abs", "arccos", "arcsin", "arctan", "arctan2", "cos", "cosh", "exp", "expm1", "floor", "hypot", "isfinite", "isnan",
    "log", "log10", "log1p", "maximum", "minimum", "pi", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "where")}


def default(x, value):
    """x, or value where x is NaN: of absent objects."""
    return np.where(np.isnan(x), value, x)


default.nin = 2
FUNCTIONS["default"] = default

# Of the list of each event, or of what is computed for each of its members: NaN for the extreme of an empty one.
OF_LISTS = ("num", "sum", "max", "min")
KNOWN_FUNCTIONS = ", ".join([*OF_LISTS, *sorted(FUNCTIONS)])


class Problem(Exception):
    """Something that the user can fix."""


def did_you_mean(name, known):
    near = difflib.get_close_matches(name, known, 1, 0.5)
    if near:
        return f"; did you mean '{near[0]}'?"
    shown = ", ".join(sorted(known)[:12])
    return f"; known are {shown}" + (", ..." if len(known) > 12 else "")


@dataclasses.dataclass
class Lists:
    """A list for each event: content[start : start + count]."""

    content: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    def __len__(self):
        return len(self.counts)

    def at(self, k):
        """Number k of each list, from its end if k < 0; NaN where the list is too short."""
        at = self.starts + (k if k >= 0 else self.counts + k)
        present = self.counts > k if k >= 0 else self.counts >= -k
        if present.all():
            return self.content[at]
        values = np.full(len(self), np.nan)
        values[present] = self.content[at[present]]
        return values

    def of(self, chosen):
        """\return the lengths of the lists of some events, and their members one after the other"""
        counts = self.counts[chosen]
        first = self.starts[chosen] - (np.cumsum(counts) - counts)
        return counts, np.asarray(self.content)[np.repeat(first, counts) + np.arange(counts.sum())]

    def reduced(self, name):
        """sum, max or min of each list."""
        counts, members = self.of(slice(None))
        full = counts > 0
        first = (np.cumsum(counts) - counts)[full]
        if name == "sum":
            values = np.zeros(len(self), members.dtype)
            values[full] = np.add.reduceat(members, first) if first.size else 0
        else:
            values = np.full(len(self), np.nan) if not full.all() else np.zeros(len(self), members.dtype)
            values[full] = (np.maximum if name == "max" else np.minimum).reduceat(members, first) if first.size else 0
        return values


class DottedNames(ast.NodeTransformer):
    """Branches such as Jet.PT are names."""

    def visit_Attribute(self, node):
        name = ast.Name(ast.unparse(node))
        return ast.copy_location(name, node) if all(isinstance(n, (ast.Attribute, ast.Name, ast.Load))
                                                    for n in ast.walk(node)) else node


def is_bits(node):
    """Whether a node is one of & | ^ or ~, which bind tighter than comparisons."""
    return (isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr, ast.BitXor))
            or isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert))


class Expression:
    """Computes an expression of columns in bool, int64 and float64, never in the type that a file stores.

    columns: arrays, and Lists, of which x[:,0] (NaN where there is none), num(x), and sum, max and min of what is computed
    for each member are numbers.

    & | ^ ~ are logical between conditions and flags (whole numbers that are all 0 or 1), and & | ^ bitwise between whole
    numbers; a mixture of both, or a number where a condition must stand, is refused.
    """

    ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
                  ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow}
    BITS = {ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
            ast.LShift: operator.lshift, ast.RShift: operator.rshift}
    COMPARISONS = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
                   ast.Eq: operator.eq, ast.NotEq: operator.ne}

    def __init__(self, text, is_column):
        self.text = text
        try:
            self.tree = ast.Name(text) if is_column else DottedNames().visit(
                ast.parse(text.strip(), mode="eval").body)
            self.names = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
            self.called = {node.func.id for node in ast.walk(self.tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
            self.expect_brackets()
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise Problem(f"'{text}' cannot be computed ({error}); an expression is Python's, with & | ~ between conditions "
                          "in brackets") from error

    def expect_brackets(self):
        letters = self.text.strip().encode()
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Compare):
                continue
            for operand in (node.left, *node.comparators):
                before, after = letters[:operand.col_offset].rstrip(), letters[operand.end_col_offset:].lstrip()
                if is_bits(operand) and not (before.endswith(b"(") and after.startswith(b")")):
                    raise Problem(f"'{self.text}': & | ^ ~ bind tighter than comparisons, so this compares "
                                  f"'{ast.unparse(operand)}'; put each condition in brackets, like (a == 2) & (b > 1)")

    def compute(self, columns):
        """\return numbers or conditions for each event."""
        with np.errstate(all="ignore"):  # what is not finite is counted where it matters
            try:
                return self.of(self.tree, columns)
            except (TypeError, ValueError, OverflowError, RecursionError) as error:
                raise Problem(f"'{self.text}' cannot be computed ({error})") from error

    def each(self, columns):
        """\return a number for each member of the lists, as Lists"""
        with np.errstate(all="ignore"):
            try:
                return self.members(self.tree, columns)
            except (TypeError, ValueError, OverflowError, RecursionError) as error:
                raise Problem(f"'{self.text}' cannot be computed ({error})") from error

    def condition(self, columns):
        """For a cut: what is true or false for each event."""
        value = self.compute(columns)
        if value.dtype != bool and not isinstance(self.tree, ast.Name) and not is_bits(self.tree):
            raise Problem(f"'{self.text}' is a number for each event, not a condition; compare it with something, for "
                          f"example ({self.text}) > 0")
        return self.flags(value, self.tree)

    def flags(self, value, node):
        if value.dtype == bool:
            return value
        if value.dtype == np.int64 and np.all((value == 0) | (value == 1)):
            return value.astype(bool)
        other = np.extract((value != 0) & (value != 1), value)
        raise Problem(f"'{self.text}': '{ast.unparse(node)}' is {other[0] if other.size else 'a number'} for some event, and a "
                      "condition must be true or false, or a whole number that is 0 or 1; compare it, for example "
                      f"({ast.unparse(node)}) != 0")

    def number(self, node, columns):
        value = self.of(node, columns)
        return value.astype(np.int64) if value.dtype == bool else value

    def of(self, node, columns):
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            return np.asarray(node.value if abs(node.value) < 2**63 else float(node.value))
        if isinstance(node, ast.Name) and node.id in columns:
            if isinstance(columns[node.id], Lists):
                raise Problem(f"'{node.id}' is a list for each event; choose one number of it, like {node.id}[:,0] (the first, NaN "
                              f"where there is none), default({node.id}[:,1], -1), num({node.id}) or sum({node.id})")
            return columns[node.id]
        if isinstance(node, ast.Subscript):
            return self.chosen(node, columns)
        if isinstance(node, ast.Name) and node.id == "pi":
            return np.asarray(np.pi)
        if isinstance(node, ast.UnaryOp):
            if isinstance(node.op, (ast.Invert, ast.Not)):
                return ~self.flags(self.of(node.operand, columns), node.operand)
            value = self.number(node.operand, columns)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BoolOp):
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return functools.reduce(join, [self.flags(self.of(value, columns), value) for value in node.values])
        if isinstance(node, ast.Compare) and all(type(op) in self.COMPARISONS for op in node.ops):
            values = [self.number(operand, columns) for operand in (node.left, *node.comparators)]
            pairs = zip(node.ops, values, values[1:])
            return functools.reduce(np.logical_and, [self.COMPARISONS[type(op)](a, b) for op, a, b in pairs])
        if isinstance(node, ast.BinOp) and type(node.op) in self.BITS:
            return self.bits(node, self.of(node.left, columns), self.of(node.right, columns))
        if isinstance(node, ast.BinOp) and type(node.op) in self.ARITHMETIC:
            return self.arithmetic(node.op, self.number(node.left, columns), self.number(node.right, columns))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in OF_LISTS or callable(FUNCTIONS.get(node.func.id)):
                return self.call(node, columns)
        raise Problem(f"'{self.text}': '{ast.unparse(node)}' is not of numbers, columns, x[:,0] of lists, + - * / // % **, "
                      f"comparisons, & | ^ ~ << >>, and, or, not, and the functions {KNOWN_FUNCTIONS}")

    def lists(self, node, columns):
        """The lists that an expression is about."""
        found = columns.get(node.id) if isinstance(node, ast.Name) else None
        if not isinstance(found, Lists):
            raise Problem(f"'{self.text}': '{ast.unparse(node)}' is not a column of lists, so it has no [:,k] and no num()")
        return found

    def members(self, node, columns):
        """What an expression is for each member of the lists that it names, with numbers of the event where it names such."""
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        lists = {name: columns[name] for name in sorted(names) if isinstance(columns.get(name), Lists)}
        if not lists:
            raise Problem(f"'{self.text}': '{ast.unparse(node)}' names no column of lists")
        flat, counts, of = {}, None, ""
        for name, found in lists.items():
            found, members = found.of(slice(None))
            if counts is not None and not np.array_equal(found, counts):
                raise Problem(f"'{self.text}': '{name}' and '{of}' have lists of other lengths in some event")
            flat[name], counts, of = wide(name, members), found, name
        flat |= {name: np.repeat(columns[name], counts) for name in names if name in columns and name not in lists}
        value = np.broadcast_to(self.number(node, flat), counts.sum())
        return Lists(value, np.cumsum(counts) - counts, counts)

    def chosen(self, node, columns):
        """x[:,k]"""
        try:
            every, k = node.slice.elts
            k = int(ast.literal_eval(k)) if isinstance(ast.literal_eval(k), int) else None
            whole = isinstance(every, ast.Slice) and not (every.lower or every.upper or every.step)
        except (AttributeError, ValueError, TypeError):
            k, whole = None, False
        if k is None or not whole:
            raise Problem(f"'{self.text}': '{ast.unparse(node)}' must be like jet_pt[:,0], with the place in the list of each "
                          "event: 0 for the first, -1 for the last")
        value = self.lists(node.value, columns).at(k)
        return value if value.dtype in (np.bool_, np.int64) else wide(ast.unparse(node.value), value)

    def call(self, node, columns):
        name = node.func.id
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            raise Problem(f"'{self.text}': {name} takes its arguments by place")
        if name in OF_LISTS:
            if len(node.args) != 1:
                raise Problem(f"'{self.text}': {name} takes 1 argument, of lists"
                              + ("" if name in ("num", "sum") else f"; {name}imum compares two numbers"))
            if name == "num" and isinstance(node.args[0], ast.Name):
                return self.lists(node.args[0], columns).counts.astype(np.int64)
            found = self.members(node.args[0], columns)
            return found.counts.astype(np.int64) if name == "num" else found.reduced(name)
        if name == "where" and len(node.args) == 3:
            condition = self.flags(self.of(node.args[0], columns), node.args[0])
            return np.where(condition, self.number(node.args[1], columns), self.number(node.args[2], columns))
        function = FUNCTIONS[name]
        if name == "where" or len(node.args) != function.nin:
            raise Problem(f"'{self.text}': {name} takes {3 if name == 'where' else function.nin} arguments")
        return np.asarray(function(*[self.number(argument, columns) for argument in node.args]))

    def bits(self, node, a, b):
        if a.dtype == bool or b.dtype == bool:
            if isinstance(node.op, (ast.LShift, ast.RShift)):
                raise Problem(f"'{self.text}': '{ast.unparse(node)}' shifts a condition")
            return self.BITS[type(node.op)](self.flags(a, node.left), self.flags(b, node.right))
        if a.dtype != np.int64 or b.dtype != np.int64:
            raise Problem(f"'{self.text}': '{ast.unparse(node)}' needs whole numbers or conditions on both sides")
        if isinstance(node.op, (ast.LShift, ast.RShift)) and not np.all((b >= 0) & (b < 63)):
            raise Problem(f"'{self.text}': '{ast.unparse(node)}' shifts by less than 0 or more than 62")
        if isinstance(node.op, ast.LShift):
            return self.arithmetic(ast.Mult(), a, np.left_shift(np.int64(1), b))
        return self.BITS[type(node.op)](a, b)

    def arithmetic(self, op, a, b):
        """Whole numbers stay whole while they fit into 64 bits; by 0 they divide like fractions."""
        compute = self.ARITHMETIC[type(op)]
        fractions = compute(a.astype(np.float64), b.astype(np.float64))
        if a.dtype != np.int64 or b.dtype != np.int64 or isinstance(op, (ast.Div, ast.Pow)):
            return fractions
        fits = np.all(np.abs(fractions) < 2.0**63) and (isinstance(op, (ast.Add, ast.Sub, ast.Mult)) or np.all(b != 0))
        return compute(a, b) if fits else fractions


def wide(name, values):
    """A column in bool, int64 or float64."""
    if values.dtype.kind == "u" and values.dtype.itemsize == 8 and np.any(values >> np.uint64(63)):
        raise Problem(f"column '{name}' holds whole numbers of 2^63 and more, with which nothing is computed; such a column "
                      "can be an --id, or a feature or weight by itself")
    return values.astype({"b": bool, "f": np.float64}.get(values.dtype.kind, np.int64), copy=False)


parsed = functools.lru_cache(maxsize=None)(Expression)
