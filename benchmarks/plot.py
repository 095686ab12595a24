"""Learning curves as small SVGs, without a plotting library."""

from pathlib import Path

Point = tuple[int, float]
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 360, 50, 40


def learning_curves(curves: list[list[Point]], baseline: list[Point], path: Path) -> None:
    """Macro-F1 against labels: each run of the program, and random sampling as a dashed line."""
    points = [point for curve in [*curves, baseline] for point in curve]
    low, high = min(n for n, _ in points), max(n for n, _ in points)

    def x(n: int) -> float:
        return LEFT + (n - low) / (high - low) * (WIDTH - LEFT - 20)

    def y(score: float) -> float:
        return HEIGHT - BOTTOM - score * (HEIGHT - BOTTOM - 20)

    def line(curve: list[Point], style: str) -> str:
        drawn = " ".join(f"{x(n):.1f},{y(score):.1f}" for n, score in curve)
        return f'<polyline points="{drawn}" fill="none" {style}/>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for tenth in range(0, 11, 2):
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(tenth / 10)}" y2="{y(tenth / 10)}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(tenth / 10) + 4}" text-anchor="end">{tenth / 10:.1f}</text>')
    parts += [f'<text x="{x(n)}" y="{HEIGHT - 18}" text-anchor="middle">{n}</text>' for n in range(low, high + 1, 20)]
    parts.append(line(baseline, 'stroke="#888" stroke-width="2" stroke-dasharray="5 4"'))
    parts += [line(curve, 'stroke="#0f6b4f" stroke-width="2"') for curve in curves]
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 3}" text-anchor="middle">labels</text>')
    parts.append(f'<text x="{LEFT + 8}" y="16">macro-F1 on photographs nobody labelled</text>')
    parts.append(f'<text x="{WIDTH - 24}" y="{y(0.12)}" text-anchor="end" fill="#0f6b4f">this program</text>')
    parts.append(
        f'<text x="{WIDTH - 24}" y="{y(0.05)}" text-anchor="end" fill="#666">random, same head (dashed)</text>'
    )
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


COLOURS = ("#0f6b4f", "#4477aa", "#ee6677", "#ccbb44", "#66ccee", "#aa3377", "#e69f00", "#332288", "#882255", "#999933")


def curves(means: dict[str, list[Point]], path: Path, emphasised: tuple[str, ...]) -> None:
    """Macro-F1 against labels, a line an arm; the emphasised ones are thick, and the last of them dashed grey."""
    points = [point for curve in means.values() for point in curve]
    right = max(n for n, _ in points)
    low, high = 0.0, max(score for _, score in points) * 1.05
    plot_width = WIDTH - LEFT - 20

    def place(n: int, score: float) -> str:
        x = LEFT + n / right * plot_width
        return f"{x:.1f},{HEIGHT - BOTTOM - (score - low) / (high - low) * (HEIGHT - BOTTOM - 20):.1f}"

    height = HEIGHT + 18 * len(means) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for tenth in range(int(high * 10) + 1):
        y = place(0, tenth / 10).split(",")[1]
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{float(y) + 4}" text-anchor="end">{tenth / 10:.1f}</text>')
    for n in range(0, right + 1, 100):
        x = place(n, 0).split(",")[0]
        parts.append(f'<text x="{x}" y="{HEIGHT - 20}" text-anchor="middle">{n}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 4}" text-anchor="middle">labels</text>')
    parts.append(f'<text x="{LEFT + 8}" y="14">macro-F1 on photographs that are never asked for</text>')
    last_first = sorted(means, key=lambda arm: (arm not in emphasised, -means[arm][-1][1]))
    for row, arm in enumerate(last_first):
        grey = arm == emphasised[-1]
        colour = "#555" if grey else COLOURS[row % len(COLOURS)]
        style = f'stroke="{colour}" stroke-width="{3 if arm in emphasised else 1.2}"'
        style += ' stroke-dasharray="6 4"' if grey else ""
        drawn = " ".join(place(n, score) for n, score in means[arm])
        parts.append(f'<polyline points="{drawn}" fill="none" {style}/>')
        foot = HEIGHT + 18 * row + 12
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + 30}" y1="{foot - 4}" y2="{foot - 4}" {style}/>')
        parts.append(f'<text x="{LEFT + 38}" y="{foot}">{arm}</text>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def dots(rows: dict[str, dict[str, float]], title: str, path: Path) -> None:
    """Shares, a row each, a dot of its own colour for each name; rows in their order, names as in the first."""
    names = list(next(iter(rows.values())))
    step, left, top = 30, 210, 58
    height, width = top + step * len(rows) + 30, WIDTH - left - 30

    def x(share: float) -> float:
        return left + share * width

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="18" font-weight="bold">{title}</text>',
    ]
    for at, name in enumerate(names):
        parts.append(f'<circle cx="{18 + 190 * at}" cy="36" r="5" fill="{COLOURS[at]}"/>')
        parts.append(f'<text x="{28 + 190 * at}" y="40">{name}</text>')
    for tenth in range(0, 11, 2):
        place = x(tenth / 10)
        parts.append(f'<line x1="{place}" x2="{place}" y1="{top}" y2="{height - 26}" stroke="#ddd"/>')
        parts.append(f'<text x="{place}" y="{height - 10}" text-anchor="middle">{tenth / 10:.1f}</text>')
    for at, (row, shares) in enumerate(rows.items()):
        y = top + step * at + step / 2
        low, high = x(min(shares.values())), x(max(shares.values()))
        parts.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{row}</text>')
        parts.append(f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="#bbb" stroke-width="2"/>')
        for which, name in reversed(list(enumerate(names))):
            # The last one is what the program does: a ring around whatever it chose.
            fill = f'fill="{COLOURS[which]}"' if which < len(names) - 1 else 'fill="none" stroke-width="3"'
            stroke = f'stroke="{COLOURS[which]}"'
            radius = 5 if which < len(names) - 1 else 8
            parts.append(f'<circle cx="{x(shares[name]):.1f}" cy="{y}" r="{radius}" {fill} {stroke}/>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")
