#include <string>
#include <utility>
#include <vector>

#include "pipeline/stages.hpp"

#include "command.hpp"
#include "workspace_options.hpp"

namespace ratiofarm {
namespace {

/// A command that runs a single stage; with Needs::selection after what is missing before it.
struct StageCommand {
    Stage stage = Stage::train;
    Trainers trainers = Trainers::none;
    Needs needs = Needs::events;
    Product makes = Product::nets;
    std::string summary;
    std::string details = {};
    std::vector<std::string> examples = {};
    std::vector<Option> options = {};  ///< beside those that its likes have
};

std::vector<StageCommand> table() {
    return {
        {.stage = Stage::search,
         .trainers = Trainers::used,
         .needs = Needs::selection,
         .summary = "Searches for a good setting of the nets, as [search] says",
         .details = "Tries random settings and stops the bad ones early; writes search.json and "
                    "searched.toml."},
        {.stage = Stage::select,
         .trainers = Trainers::used,
         .needs = Needs::selection,
         .summary = "Fills the regions of the campaign with events",
         .details =
             "Trains the preselection and writes selected.h5, selected.toml and selection.json."},
        {.stage = Stage::train,
         .trainers = Trainers::used,
         .needs = Needs::selection,
         .summary = "Trains every net that is not trained yet; goes on from checkpoints",
         .details = "With [unfolding] this is 'ratiofarm unfold'.",
         .examples = {"train campaign.toml --time-budget 1:30:00",
                      "train campaign.toml --shard 0/4", "train campaign.toml --join"},
         .options =
             {{"shard", "I/N",
               "train only part I of N; other farms may train other parts at the same time. array: "
               "I is the element of a Slurm array. Run 'ratiofarm collect' afterwards"}}},
        {.stage = Stage::gather,
         .makes = Product::ensembles,
         .summary = "Collects the trained nets into ensembles/<process>.h5"},
        {.stage = Stage::infer,
         .trainers = Trainers::used,
         .makes = Product::ratios,
         .summary = "Evaluates the ensembles on the inference split, writes ratios.h5"},
        {.stage = Stage::unfold,
         .trainers = Trainers::used,
         .summary = "Trains the chains of [unfolding]; goes on from checkpoints",
         .details = "Each step of each chain begins when the results that it reads are there.",
         .examples = {"unfold campaign.toml"},
         .options = {
             {"shard", "I/N", "train only the chains of part I of N, as 'ratiofarm train'"}}}};
}

ExitCode run(const StageCommand& row, RunContext& context, const Arguments& arguments) {
    Workspace workspace = open_workspace(context, arguments, row.needs, row.makes);
    std::vector<Stage> stages{row.stage};
    const bool unfolds = workspace.planned.written.unfolding.has_value();
    if (row.stage == Stage::train && unfolds) stages = {Stage::unfold};
    if (row.needs == Needs::selection)
        stages = with_selection(workspace.planned.written, std::move(stages));
    return run_stages(context, workspace, stages);
}

Command command_of(const StageCommand& row) {
    Command command;
    command.name = word_of(row.stage);
    command.group = Group::stage;
    command.summary = row.summary;
    command.details = row.details;
    command.examples = row.examples;
    command.positional = {"CAMPAIGN.toml"};
    command.options = workspace_options();
    if (row.trainers == Trainers::used) {
        for (Option& option : farm_options()) command.options.push_back(std::move(option));
    }
    for (const Option& option : row.options) command.options.push_back(option);
    if (row.trainers == Trainers::used) {
        for (Option& option : join_options()) command.options.push_back(std::move(option));
    }
    command.ranks = Ranks::all;
    command.trainers = row.trainers;
    command.run = [row](RunContext& context, const Arguments& arguments) {
        return run(row, context, arguments);
    };
    return command;
}

}  // namespace

std::vector<Command> stage_commands() {
    std::vector<Command> commands;
    for (const StageCommand& row : table()) commands.push_back(command_of(row));
    return commands;
}

}  // namespace ratiofarm
