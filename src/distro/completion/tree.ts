/** The command tree as completion sees it: commands, their flags, and what a flag's value may be. */
import type { Command } from "commander";
import type { Component } from "../components/flags.ts";

export type FlagValue = "none" | "text" | "file" | readonly string[];

export interface CompletionFlag {
  /** With its dashes. */
  name: string;
  description: string;
  value: FlagValue;
}

export interface CompletionNode {
  /** `k8ts image build`. */
  path: string;
  commands: { name: string; description: string }[];
  flags: CompletionFlag[];
}

/** A line without what shells take for something else. */
const plain = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .replace(/['"`\\$]/g, "")
    .trim();

/** `components` are those whose flags commander does not know, by command name. */
export function completionTree(program: Command, components: readonly Component[]): CompletionNode[] {
  const nodes: CompletionNode[] = [];
  const visit = (command: Command, path: string): void => {
    const component = components.find((one) => path === `${program.name()} ${one.name}`);
    const commands = command.createHelp().visibleCommands(command);
    nodes.push({
      path,
      commands: commands.map((one) => ({ name: one.name(), description: plain(one.description()) })),
      flags: component ? flagsOfComponent(component) : flagsOfCommand(command),
    });
    for (const one of command.commands) visit(one, `${path} ${one.name()}`);
  };
  visit(program, program.name());
  return nodes;
}

function flagsOfCommand(command: Command): CompletionFlag[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap((option) => {
      const takesFile = /directory|file|path/.test(option.flags);
      const value: FlagValue = option.argChoices ?? (option.required || option.optional ? (takesFile ? "file" : "text") : "none");
      return option.long ? [{ name: option.long, description: plain(option.description), value }] : [];
    });
}

function flagsOfComponent({ flags }: Component): CompletionFlag[] {
  const rows = Object.entries(flags).map(([name, flag]): CompletionFlag => {
    const value: FlagValue = flag.type === "bool" ? "none" : flag.choices ? flag.choices.filter(Boolean).map(String) : flag.type === "file" ? "file" : "text";
    return { name: `--${name}`, description: plain(flag.help), value };
  });
  return [...rows, { name: "--help", description: "help", value: "none" }];
}
