// Image references: the grammar of the distribution project, with Docker's defaults for what is left out.
#include "berth/images/images.hpp"

#include "agent/images/text.hpp"

#include <algorithm>

namespace berth::images {

namespace {

constexpr std::size_t kMaxName = 255, kMaxTag = 128;

bool is_domain_label(std::string_view label) {
    return !label.empty() && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_port(std::string_view text) {
    return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, is_digit) &&
           std::stoul(std::string(text)) <= 65535;
}

// host[:port]; an IPv6 address stands in brackets.
bool is_domain(std::string_view text) {
    std::string_view host = text;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos || end == 1) return false;
        const auto rest = text.substr(end + 1);
        const auto address = text.substr(1, end - 1);
        return std::ranges::all_of(address, [](char c) { return is_hex(c) || c == ':' || c == '.'; }) &&
               (rest.empty() || (rest.front() == ':' && is_port(rest.substr(1))));
    }
    if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        if (!is_port(text.substr(colon + 1))) return false;
        host = text.substr(0, colon);
    }
    for (const auto label : split(host, '.'))
        if (!is_domain_label(label)) return false;
    return true;
}

// Lower-case words joined by one '.', one or two '_', or any number of '-'.
bool is_path_component(std::string_view text) {
    std::size_t at = 0;
    const auto word = [&] {
        const auto start = at;
        while (at < text.size() && (is_lower(text[at]) || is_digit(text[at]))) ++at;
        return at > start;
    };
    if (!word()) return false;
    while (at < text.size()) {
        const char separator = text[at];
        if (separator != '.' && separator != '_' && separator != '-') return false;
        const auto start = at;
        while (at < text.size() && text[at] == separator) ++at;
        const auto count = at - start;
        if ((separator == '.' && count > 1) || (separator == '_' && count > 2) || !word()) return false;
    }
    return true;
}

bool is_tag(std::string_view text) {
    const auto is_word = [](char c) { return is_alnum(c) || c == '_'; };
    return !text.empty() && text.size() <= kMaxTag && is_word(text.front()) &&
           std::ranges::all_of(text, [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

// Docker's rule: the first component is a host when it cannot be part of a Docker Hub name.
bool names_a_host(std::string_view first) {
    return first == "localhost" || first.find_first_of(".:[") != std::string_view::npos ||
           std::ranges::any_of(first, is_upper);
}

} // namespace

std::string Reference::str() const {
    std::string text = registry + "/" + repository;
    if (!tag.empty()) text += ":" + tag;
    if (!digest.empty()) text += "@" + digest.str();
    return text;
}

Result<Reference> parse_reference(std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return fail(ErrorCode::invalid, "invalid image reference \"{}\": {}", printable(text, 300), why);
    };
    if (text.empty()) return bad("it is empty");
    Reference reference;
    auto rest = text;
    if (const auto at = rest.find('@'); at != std::string_view::npos) {
        const auto digest = rest.substr(at + 1);
        if (!is_sha256_digest(digest))
            return bad("the digest must be \"sha256:\" and 64 lower-case hexadecimal digits");
        reference.digest = Digest(std::string(digest));
        rest = rest.substr(0, at);
    }
    const auto last_slash = rest.rfind('/');
    const auto colon = rest.rfind(':');
    if (colon != std::string_view::npos && (last_slash == std::string_view::npos || colon > last_slash)) {
        const auto tag = rest.substr(colon + 1);
        if (!is_tag(tag)) return bad("a tag is at most 128 of letters, digits, '_', '.' and '-'");
        reference.tag = tag;
        rest = rest.substr(0, colon);
    }
    if (reference.tag.empty() && reference.digest.empty()) reference.tag = "latest";

    reference.registry = "docker.io";
    const auto slash = rest.find('/');
    if (slash != std::string_view::npos && names_a_host(rest.substr(0, slash))) {
        reference.registry = rest.substr(0, slash);
        rest = rest.substr(slash + 1);
        if (!is_domain(reference.registry)) return bad("the registry is not a host name or address");
        if (reference.registry == "index.docker.io") reference.registry = "docker.io";
    }
    if (std::ranges::any_of(rest, is_upper)) return bad("the repository name must be lower case");
    for (const auto component : split(rest, '/'))
        if (!is_path_component(component))
            return bad("a repository name is words of lower-case letters and digits, joined by '.', '_', "
                       "'-' and '/'");
    if (rest.size() == 64 && std::ranges::all_of(rest, is_hex))
        return bad("64 hexadecimal digits are an image id, not a name");
    reference.repository = rest;
    if (reference.registry == "docker.io" && !rest.contains('/')) reference.repository.insert(0, "library/");
    if (reference.registry.size() + 1 + reference.repository.size() > kMaxName)
        return bad("registry and repository are longer than 255 characters");
    return reference;
}

} // namespace berth::images
