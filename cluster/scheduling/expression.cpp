// Parser of the query language: recursive descent that builds closures.
#include "cluster/scheduling/expression.hpp"

#include "cluster/model/refusal.hpp"

#include <algorithm>

namespace berth::cluster {
namespace {

constexpr std::size_t kMaxLength = 2000;
constexpr int kMaxDepth = 32;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Words, and the signs ( ) [ ] , == != =~ ! as tokens of their own.
Result<std::vector<std::string>> split(std::string_view text) {
    std::vector<std::string> tokens;
    while (!text.empty()) {
        if (is_space(text.front())) {
            text.remove_prefix(1);
            continue;
        }
        std::size_t length = 1;
        if (text.starts_with("==") || text.starts_with("!=") || text.starts_with("=~")) {
            length = 2;
        } else if (text.front() == '"') {
            length = text.find('"', 1);
            if (length == std::string_view::npos)
                return bad_parameter("Invalid expression: a quote is not closed.");
            tokens.emplace_back(text.substr(1, length - 1));
            text.remove_prefix(length + 1);
            continue;
        } else if (!std::string_view("()[],!<>=").contains(text.front())) {
            length = std::min(text.find_first_of(" \t\r\n()[],=!<>"), text.size());
        }
        tokens.emplace_back(text.substr(0, length));
        text.remove_prefix(length);
    }
    return tokens;
}

class Parser {
  public:
    explicit Parser(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {}

    Result<Expression> whole() {
        auto result = any(0);
        if (result && at_ < tokens_.size()) return unexpected();
        return result;
    }

  private:
    bool take(std::string_view token) {
        if (at_ >= tokens_.size() || tokens_[at_] != token) return false;
        ++at_;
        return true;
    }
    bool take_any(std::initializer_list<std::string_view> tokens) {
        return std::ranges::any_of(tokens, [this](std::string_view token) { return take(token); });
    }
    std::unexpected<Error> unexpected() const {
        if (at_ >= tokens_.size()) return bad_parameter("Invalid expression: it ends too early.");
        return bad_parameter("Invalid expression: unexpected \"{}\".", tokens_[at_]);
    }

    Result<Expression> any(int depth) {
        auto left = all(depth);
        while (left && take_any({"or", "||"})) {
            auto right = all(depth);
            if (!right) return right;
            left = [a = std::move(*left), b = std::move(*right)](const Facts& facts) {
                return a(facts) || b(facts);
            };
        }
        return left;
    }

    Result<Expression> all(int depth) {
        auto left = one(depth);
        while (left && take_any({"and", "&&"})) {
            auto right = one(depth);
            if (!right) return right;
            left = [a = std::move(*left), b = std::move(*right)](const Facts& facts) {
                return a(facts) && b(facts);
            };
        }
        return left;
    }

    Result<Expression> one(int depth) {
        if (depth > kMaxDepth) return bad_parameter("Invalid expression: it is nested too deep.");
        if (take_any({"not", "!"})) {
            auto inner = one(depth + 1);
            if (!inner) return inner;
            return [a = std::move(*inner)](const Facts& facts) { return !a(facts); };
        }
        if (take("(")) {
            auto inner = any(depth + 1);
            if (inner && !take(")")) return unexpected();
            return inner;
        }
        return comparison();
    }

    Result<Expression> comparison() {
        if (at_ >= tokens_.size()) return unexpected();
        const std::string subject = tokens_[at_];
        if (!subject.starts_with("attribute:") && subject != "ec2InstanceId" && subject != "agentConnected" &&
            subject != "task:group")
            return unexpected();
        ++at_;
        if (take("exists")) return exists(subject, true);
        if (take("not_exists")) return exists(subject, false);
        if (take("in")) return among(subject, true);
        if (take("not_in")) return among(subject, false);
        if (take("!")) {
            if (take("exists")) return exists(subject, false);
            if (take("in")) return among(subject, false);
            return unexpected();
        }
        const bool equal = take_any({"==", "equals"});
        if (!equal && !take_any({"!=", "not_equals"})) return unexpected();
        auto value = word();
        if (!value) return fail(std::move(value.error()));
        return one_of(subject, {std::move(*value)}, equal);
    }

    Result<std::string> word() {
        if (at_ >= tokens_.size() || std::string_view("()[],!<>=").contains(tokens_[at_]))
            return unexpected();
        return tokens_[at_++];
    }

    Result<Expression> among(const std::string& subject, bool wanted) {
        if (!take("[")) return unexpected();
        std::vector<std::string> values;
        do {
            auto value = word();
            if (!value) return fail(std::move(value.error()));
            values.push_back(std::move(*value));
        } while (take(","));
        if (!take("]")) return unexpected();
        return one_of(subject, std::move(values), wanted);
    }

    static Expression exists(std::string subject, bool wanted) {
        return [subject = std::move(subject), wanted](const Facts& facts) {
            return facts(subject).empty() != wanted;
        };
    }
    static Expression one_of(std::string subject, std::vector<std::string> values, bool wanted) {
        return [subject = std::move(subject), values = std::move(values), wanted](const Facts& facts) {
            const auto have = facts(subject);
            return (std::ranges::find_first_of(have, values) != have.end()) == wanted;
        };
    }

    std::vector<std::string> tokens_;
    std::size_t at_ = 0;
};

} // namespace

Result<Expression> parse_expression(std::string_view text) {
    if (text.size() > kMaxLength)
        return bad_parameter("Invalid expression: it is longer than {}.", kMaxLength);
    auto tokens = split(text);
    if (!tokens) return fail(std::move(tokens.error()));
    return Parser(std::move(*tokens)).whole();
}

} // namespace berth::cluster
