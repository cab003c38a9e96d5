#pragma once
// What K6_WEB_DASHBOARD_* variables and `--out web-dashboard=...` ask of the live page
// (https://grafana.com/docs/k6/latest/results-output/web-dashboard/).
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace gauntlet::engine::dashboard {

/// The run's place in a longer test that is made of several: the page says so, and waits for the next one.
struct RunPart {
  int index = 0;  ///< from 1; 0: the run stands for itself
  int count = 0;
  std::string text;  ///< what it is, and what is to come
};

struct DashboardOptions {
  bool enabled = false;
  std::string host = "127.0.0.1";          ///< numeric, or "localhost"; k6 takes all interfaces, we do not unless told
  int port = 5665;                         ///< 0: the kernel chooses; -1: no server, only the export
  std::chrono::milliseconds period{1000};  ///< between two updates of the page; its rows are of a second all the same
  bool open = false;                       ///< open the browser
  RunPart part;
  std::string export_path;  ///< the report as an HTML file, ".gz" compresses; empty: none
};

/// K6_WEB_DASHBOARD, _HOST, _PORT, _PERIOD, _OPEN, _EXPORT and its older name _REPORT, and GAUNTLET_PART="2/17 TEXT"; `variable` returns
/// nullptr for what is not set. The error names the variable.
base::Expected<void> read_dashboard_variables(DashboardOptions& options, const std::function<const char*(const char*)>& variable);

/// What stands behind `web-dashboard=`: "port=5666&period=2s&open=true&export=report.html"; enables the page.
base::Expected<void> read_dashboard_arguments(DashboardOptions& options, std::string_view arguments);

}  // namespace gauntlet::engine::dashboard
