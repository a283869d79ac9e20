// Parsing of WWW-Authenticate. Commas separate both challenges and parameters: a word that is not followed by
// '=' starts a challenge.
#include "agent/images/www_authenticate.hpp"

#include "agent/images/text.hpp"

namespace berth::images {

namespace {

constexpr std::size_t kMaxHeader = 8192;

bool is_token_char(char c) { return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c); }
bool is_token68_char(char c) { return is_alnum(c) || std::string_view("-._~+/").contains(c); }

class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    bool at_end() const { return at_ == text_.size(); }
    std::size_t position() const { return at_; }
    void rewind(std::size_t position) { at_ = position; }
    bool skip_spaces() {
        const auto start = at_;
        while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
        return at_ > start;
    }
    void skip_separators() {
        while (skip_spaces() || take(',')) {
        }
    }
    bool take(char c) {
        if (at_end() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    std::string token() {
        std::string word;
        while (!at_end() && is_token_char(text_[at_])) word += text_[at_++];
        return word;
    }
    // "token68": credentials in one word, as Negotiate uses. Nothing for us; skipped.
    bool skip_token68() {
        const auto start = at_;
        while (!at_end() && is_token68_char(text_[at_])) ++at_;
        while (take('=')) {
        }
        const auto end = at_;
        skip_spaces();
        if (end > start && (at_end() || text_[at_] == ',')) return true;
        at_ = start;
        return false;
    }
    Result<std::string> value() {
        if (!take('"')) {
            auto word = token();
            if (word.empty()) return error("a value is missing");
            return word;
        }
        std::string quoted;
        while (!at_end()) {
            char c = text_[at_++];
            if (c == '"') return quoted;
            if (c == '\\') {
                if (at_end()) break;
                c = text_[at_++];
            }
            quoted += c;
        }
        return error("a quoted value has no end");
    }
    std::unexpected<Error> error(std::string_view why) const {
        return fail(ErrorCode::protocol, "WWW-Authenticate \"{}\": {} at position {}", printable(text_), why,
                    at_);
    }

  private:
    std::string_view text_;
    std::size_t at_ = 0;
};

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), to_lower);
    return text;
}

// The parameters up to the next challenge or the end.
Status read_parameters(Scanner& in, Challenge& challenge) {
    for (bool first = true;; first = false) {
        const auto before = in.position();
        in.skip_separators();
        if (in.at_end()) return {};
        const auto start = in.position();
        auto name = in.token();
        in.skip_spaces();
        Status parameter; // an error only when it is one and its value is wrong
        if (!name.empty() && in.take('=')) {
            in.skip_spaces();
            auto value = in.value();
            if (value) {
                challenge.parameters.emplace(lower(std::move(name)), std::move(*value));
                continue;
            }
            parameter = std::unexpected(std::move(value.error()));
        }
        in.rewind(start);
        if (first && in.skip_token68()) continue;
        in.rewind(before);
        return parameter;
    }
}

} // namespace

const std::string& Challenge::parameter(const std::string& name) const {
    static const std::string none;
    const auto found = parameters.find(name);
    return found != parameters.end() ? found->second : none;
}

Result<std::vector<Challenge>> parse_challenges(std::string_view header) {
    if (header.size() > kMaxHeader)
        return fail(ErrorCode::limit, "WWW-Authenticate is longer than {} bytes", kMaxHeader);
    std::vector<Challenge> challenges;
    Scanner in(header);
    for (in.skip_separators(); !in.at_end(); in.skip_separators()) {
        Challenge challenge;
        challenge.scheme = lower(in.token());
        if (challenge.scheme.empty()) return in.error("no authentication scheme");
        if (in.skip_spaces()) {
            if (auto read = read_parameters(in, challenge); !read)
                return std::unexpected(std::move(read.error()));
        } else if (!in.at_end() && !in.take(',')) {
            return in.error("unexpected character");
        }
        challenges.push_back(std::move(challenge));
    }
    return challenges;
}

} // namespace berth::images
