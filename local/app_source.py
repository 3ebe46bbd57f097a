"""An app's source, read without running it: which definition a name in it stands for, in whatever module that is."""

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

type Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Module:
    """One source file."""

    def __init__(self, source: "AppSource", path: Path) -> None:
        self._source = source
        self._package = path.parent.relative_to(source.root).parts
        self._tree = ast.parse(path.read_text(encoding="utf-8"))

    @cached_property
    def definitions(self) -> Mapping[str, Definition]:
        """The functions and classes at its top."""
        return {
            node.name: node
            for node in self._tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The strings that it gives names to."""
        found = {}
        for node in self._tree.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text)))
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text)))
                ):
                    found[name] = text
        return found

    @cached_property
    def imports(self) -> Mapping[str, tuple["Module", str]]:
        """What it has from the app: a module and a name in it, or "" for the module itself."""
        found = {}
        for node in ast.walk(self._tree):
            match node:
                case ast.Import(names=names):
                    for alias in names:
                        if alias.asname and (module := self._source.module(alias.name)):
                            found[alias.asname] = (module, "")
                case ast.ImportFrom(module=name, names=names, level=level):
                    origin = ".".join([*self._above(level), *([name] if name else [])])
                    for alias in names:
                        if module := self._source.module(f"{origin}.{alias.name}"):
                            found[alias.asname or alias.name] = (module, "")
                        elif module := self._source.module(origin):
                            found[alias.asname or alias.name] = (module, alias.name)
        return found

    def definition(self, node: ast.AST) -> tuple["Module", Definition] | None:
        """Find what an expression mentions, if that is a function or a class of the app, and where it is defined."""
        module, name = self._origin(node)
        return (module, module.definitions[name]) if name in module.definitions else None

    def text(self, node: ast.AST) -> str | None:
        """Find the string that an expression stands for."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        module, name = self._origin(node)
        return module.texts.get(name)

    def _origin(self, node: ast.AST) -> tuple["Module", str]:
        match node:
            case ast.Name(id=name) if name in self.imports:
                module, there = self.imports[name]
                return module._origin(ast.Name(there))  # noqa: SLF001  # another module of the same source
            case ast.Name(id=name):
                return self, name
            case ast.Attribute(value=ast.Name(id=name), attr=there) if self.imports.get(name, (None, name))[1] == "":
                return self.imports[name][0]._origin(ast.Name(there))  # noqa: SLF001
            case _:
                return self, ""

    def _above(self, level: int) -> tuple[str, ...]:
        """Name the package that a relative import starts from; an absolute one starts from none."""
        return self._package[: len(self._package) - level + 1] if level else ()


class AppSource:
    """All of the source below a directory, as far as somebody asks for it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._modules: dict[Path, Module] = {}

    def module(self, name: str) -> Module | None:
        """Find a module by its dotted name; None if it is none of the app's."""
        path = self.root.joinpath(*name.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return self._modules.setdefault(file, self._modules.get(file) or Module(self, file))
        return None

    def imported_from(self, name: str) -> Iterator[Module]:
        """List a module and all that it imports, directly or not."""
        first = self.module(name)
        waiting = [first] if first else []
        seen: set[int] = set()
        while waiting:
            module = waiting.pop()
            if id(module) not in seen:
                seen.add(id(module))
                waiting.extend(imported for imported, _ in module.imports.values())
                yield module
