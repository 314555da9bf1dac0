/** @file `w4s completion SHELL`: a script that completes command lines at the Tab key. */
import { Argument, Command } from "commander";
import { type ActionBody, complete } from "../action.js";
import { EXIT } from "../exit-code.js";
import { writeJson, writeOut } from "../print/output.js";

const EXAMPLES = `
Examples, once, in the file that the shell reads at its start:
  bash  eval "$(w4s completion bash)"      in ~/.bashrc
  zsh   eval "$(w4s completion zsh)"       in ~/.zshrc, behind compinit
  fish  w4s completion fish | source       in ~/.config/fish/config.fish

Completes commands, flags, their choices, and the names of runs, datasets and models that are here.`;

/** Each asks this program for the words that fit, and falls back on files where there are none. */
const SCRIPTS = {
  bash: `_w4s() {
  local IFS=$'\\n'
  COMPREPLY=($(w4s __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _w4s w4s
`,
  zsh: `_w4s() {
  local -a found
  found=(\${(f)"$(w4s __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( \${#found} )); then compadd -- "\${found[@]}"; else _files; fi
}
compdef _w4s w4s
`,
  fish: `function __w4s_complete
  set -l found (w4s __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c w4s -f -a '(__w4s_complete)'
`,
} as const;

export function command(): Command {
  const completion = new Command("completion")
    .description("Prints a script that completes command lines of w4s at the Tab key.")
    .addArgument(new Argument("<shell>", "the shell it is for").choices(Object.keys(SCRIPTS)));
  return complete(completion, completionAction, { examples: EXAMPLES, hasConfig: false });
}

const completionAction: ActionBody = async ({ isJson }, shell = "") => {
  const script = SCRIPTS[shell as keyof typeof SCRIPTS];
  if (isJson) writeJson({ shell, script });
  else writeOut(script);
  return EXIT.done;
};
