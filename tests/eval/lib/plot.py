"""nDCG@10 by kind of query and mode, as SVG."""

COLORS = {"semantic": "#7aa6c2", "keyword": "#c2a97a", "hybrid": "#3b7a57"}
LEFT, BASE, HEIGHT, BAR = 50, 250, 210, 54
KINDS = {"full": "full text", "title": "title only"}


def _text(x, y, text, size=13, anchor="middle"):
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}">{text}</text>'


def _y(value):
    return BASE - HEIGHT * value / 0.8


def bars(result):
    """result: kind to mode to a report of lib.metrics. Bars with their bootstrap intervals."""
    out = []
    for tick in (0, 0.2, 0.4, 0.6, 0.8):
        out.append(f'<line x1="{LEFT}" x2="490" y1="{_y(tick):.0f}" y2="{_y(tick):.0f}" stroke="#ddd"/>')
        out.append(_text(LEFT - 8, _y(tick) + 4, f"{tick:.1f}", 11, "end"))
    x = LEFT + 20
    for kind, name in KINDS.items():
        start = x
        for mode, color in COLORS.items():
            found = result[kind][mode]
            value, (low, high) = found["ndcg10"], found["ndcg10_95"]
            middle = x + BAR / 2
            out.append(f'<rect x="{x}" y="{_y(value):.1f}" width="{BAR}" height="{BASE - _y(value):.1f}" fill="{color}"/>')
            out.append(f'<line x1="{middle}" x2="{middle}" y1="{_y(low):.1f}" y2="{_y(high):.1f}" stroke="#333"/>')
            out.append(_text(middle, BASE - 8, f"{value:.3f}", 12))
            out.append(_text(middle, BASE + 16, mode, 12))
            x += BAR + 10
        out.append(_text((start + x - 10) / 2, BASE + 36, name))
        x += 24
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="500" height="300" font-family="sans-serif">\n'
            '<rect width="500" height="300" fill="#fff"/>\n' + _text(270, 22, "nDCG@10, known duplicates") + "\n"
            + "\n".join(out) + "\n</svg>\n")
