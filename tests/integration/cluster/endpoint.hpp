// The real berth-cluster with the stock aws client in front of it.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/json.hpp"

#include "tests/integration/cluster/child.hpp"
#include "tests/integration/cluster/fake_agent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace berth::test {

class EndpointTest : public ::testing::Test {
  protected:
    EndpointTest();
    ~EndpointTest() override;

    // Starts berth-cluster on a free port, or the one given.
    void start(const std::string& listen = "127.0.0.1:0");
    // Ends it with a signal and gives what it left.
    Outcome end(int signal);
    // Runs berth-cluster until it ends by itself.
    Outcome run_program(std::vector<std::string> arguments, std::map<std::string, std::string> environment);

    // `aws --endpoint-url … ecs list-clusters`: the words of a command line, and one last argument that may
    // hold spaces.
    Outcome aws(const std::string& words, const std::string& last = {});
    // The same, which must succeed; its JSON.
    Json answer(const std::string& words, const std::string& last = {});

    std::unique_ptr<FakeAgent> new_agent();
    void join(FakeAgent& agent, Json attributes = Json::array());
    std::string port() const { return url.substr(url.rfind(':') + 1); }

    Loop loop;
    fs::path directory;
    std::vector<std::string> options; // more of berth-cluster's
    std::string url;
    AwsCredentials keys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", std::nullopt};
    std::string region = "us-west-2";
    std::unique_ptr<Child> server;
};

} // namespace berth::test
