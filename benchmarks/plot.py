"""A learning curve as a small SVG, without a plotting library."""

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
