#pragma once

#include <string>

#include "plotter.hpp"
#include "report_inputs.hpp"

namespace ratiofarm {

/// Parts of the page in their order; empty where the inputs have nothing to show.
std::string result_section(const ReportInputs& inputs, const Plotter& plotter);
std::string data_section(const ReportInputs& inputs);
std::string inference_section(const ReportInputs& inputs, const Plotter& plotter);
std::string regions_section(const ReportInputs& inputs, const Plotter& plotter);
std::string shapes_section(const ReportInputs& inputs, const Plotter& plotter);
std::string checks_section(const ReportInputs& inputs);
std::string closure_section(const ReportInputs& inputs, const Plotter& plotter);
std::string calibration_section(const ReportInputs& inputs, const Plotter& plotter);
std::string training_section(const ReportInputs& inputs, const Plotter& plotter);
std::string quality_section(const ReportInputs& inputs, const Plotter& plotter);
std::string unfolding_section(const ReportInputs& inputs, const Plotter& plotter);
std::string search_section(const ReportInputs& inputs, const Plotter& plotter);
std::string search_section(const SearchRecord& record, const Plotter& plotter);
std::string campaign_section(const ReportInputs& inputs, const Plotter& plotter);

/// The uncertainty from the finite number of simulated events as a table, part of the result.
std::string finite_mc_table(const FitRecord& record);

}  // namespace ratiofarm
