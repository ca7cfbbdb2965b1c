#include "html.hpp"

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

std::string escape_html(std::string_view text) {
    constexpr std::string_view plus_minus = " +- ";
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i).starts_with(plus_minus)) {
            result += " \u00b1 ";
            i += plus_minus.size() - 1;
            continue;
        }
        const char c = text[i];
        switch (c) {
            case '&': result += "&amp;"; break;
            case '<': result += "&lt;"; break;
            case '>': result += "&gt;"; break;
            case '"': result += "&quot;"; break;
            case '\'': result += "&#39;"; break;
            default: result += c;
        }
    }
    return result;
}

Cell text_cell(std::string_view text) { return {escape_html(text), false}; }
Cell number_cell(std::string_view text) { return {escape_html(text), true}; }

Cell verdict_cell(bool passes) {
    return {passes ? "<span class=\"pill pass\">pass</span>"
                   : "<span class=\"pill check\">check</span>",
            false};
}

Cell verdict_cell(Verdict verdict) {
    switch (verdict) {
        case Verdict::agrees: return {"<span class=\"pill pass\">agrees</span>", false};
        case Verdict::small: return {"<span class=\"pill\">small</span>", false};
        case Verdict::nothing: return {"<span class=\"pill check\">too few events</span>", false};
        case Verdict::differs: break;
    }
    return {"<span class=\"pill check\">check</span>", false};
}

std::string table_html(std::string_view caption,
                       const std::vector<std::string>& header,
                       const std::vector<std::vector<Cell>>& rows) {
    // On a narrow screen each row of a wide table is a list of its own: see report_style.
    constexpr std::size_t fitting_columns = 4;
    const bool wide = header.size() > fitting_columns;
    std::string head;
    for (std::size_t c = 0; c < header.size(); ++c) {
        const bool number = !rows.empty() && rows.front()[c].number;
        head += fmt::format("<th{}>{}</th>", number ? " class=\"n\"" : "", escape_html(header[c]));
    }
    std::string body;
    for (const auto& row : rows) {
        RATIOFARM_EXPECT(row.size() == header.size());
        body += "<tr>";
        for (std::size_t c = 0; c < row.size(); ++c) {
            const std::string label =
                wide ? fmt::format(" data-label=\"{}\"", escape_html(header[c])) : std::string();
            body += fmt::format("<td{}{}>{}</td>", row[c].number ? " class=\"n\"" : "", label,
                                row[c].html);
        }
        body += "</tr>\n";
    }
    const std::string title =
        caption.empty() ? std::string()
                        : fmt::format("<p class=\"caption\">{}</p>\n", escape_html(caption));
    return fmt::format(
        "{}<div "
        "class=\"scroll\"><table{}><thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
        title, wide ? " class=\"wide\"" : "", head, body);
}

std::string section_html(std::string_view anchor, std::string_view title, std::string_view body) {
    return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", anchor,
                       escape_html(title), body);
}

std::string paragraph_html(std::string_view text) {
    return fmt::format("<p>{}</p>\n", escape_html(text));
}

std::string details_html(std::string_view summary, std::string_view body) {
    if (body.empty()) return {};
    return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape_html(summary),
                       body);
}

std::string warnings_html(const std::vector<std::string>& messages) {
    if (messages.empty()) return {};
    std::string items;
    for (const auto& message : messages)
        items += fmt::format("<li>{}</li>\n", escape_html(message));
    return fmt::format("<div class=\"warnings\"><strong>Warnings</strong>\n<ul>\n{}</ul></div>\n",
                       items);
}

void Figures::add(std::string_view name, const Plot& plot, std::string_view caption) {
    if (!plotter_.available()) return;
    std::string picture;
    try {
        if (plotter_.writes_files()) return plotter_.write(plot, name);
        picture = plotter_.svg(plot, fmt::format("{}{}", anchor_, count_++));
    } catch (const Error& error) {
        picture = fmt::format("<p class=\"missing\">not drawn: {}</p>", escape_html(error.what()));
    }
    // A matrix scrolls where its numbers would be too small.
    constexpr std::size_t fitting_columns = 8;
    const bool matrix = plot.panels.front().columns.size() > fitting_columns;
    body_ += fmt::format("<figure{}>\n{}\n<figcaption>{}</figcaption>\n</figure>\n",
                         matrix ? " class=\"matrix\"" : "", picture, escape_html(caption));
}

std::string Figures::html() const {
    if (body_.empty()) return {};
    return fmt::format("<div class=\"figures{}{}\">\n{}</div>\n", look_.empty() ? "" : " ", look_,
                       body_);
}

}  // namespace ratiofarm
