"""Takes plots out of a report for docs/report.md: python docs/pictures/report_plots.py REPORT.html

The report of the tutorial, after its last command.
"""
import re
import sys
from pathlib import Path

PLOTS = {"scan": "Test statistic t", "impacts": "Ranking", "closure": "B in mass", "calibration": "B: observed", "ratios": "S: log r",
         "loss": "S: loss", "nets": "S: calibration of single"}

page = Path(sys.argv[1]).read_text()
for name, caption in PLOTS.items():
    for figure in re.findall(r"<figure>(.*?)</figure>", page, re.S):
        if re.search(r"<figcaption>\s*" + re.escape(caption), figure):
            svg = re.search(r"<svg.*</svg>", figure, re.S)[0]
            if "xmlns=" not in svg:
                svg = svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
            # A file of its own: with a size, and white on dark pages, too.
            _, _, width, height = re.search(r'viewBox="([^"]*)"', svg)[1].split()
            svg = re.sub(r"<svg([^>]*)>", rf'<svg width="{width}" height="{height}"\1><rect width="100%" height="100%" fill="white"/>', svg, count=1)
            Path(__file__).with_name(f"report_{name}.svg").write_text(svg + "\n")
            break
    else:
        sys.exit(f"no plot '{caption}...' in {sys.argv[1]}")
