/** Owns the PowerShell script, for 5.1 and 7. */
import type { Completion, Model } from "./model.ts";

export function powershellScript({ commands, options }: Model): string {
  return `# Completion of weir for PowerShell: weir completions powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName weir -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $commands = [ordered]@{
${commands.map(({ name, summary }) => `    ${quoted(name)} = ${quoted(summary)}`).join("\n")}
  }
  $options = @{
    '' = @{
${optionLines(options)}
    }
${commands.map(({ name, options: own }) => `    ${quoted(name)} = @{\n${optionLines(own)}\n    }`).join("\n")}
  }
  $values = @{
${valueLines(commands.flatMap(({ name, options: own }) => own.map((option) => [name, option] as const)))}
${valueLines(options.map((option) => ["", option] as const))}
  }
  $words = @{
${commands
  .filter(({ words }) => words.length > 0)
  .map(({ name, words }) => `    ${quoted(name)} = @(${words.map(quoted).join(", ")})`)
  .join("\n")}
  }
  $typed = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
  $command = @($typed | Select-Object -Skip 1 | Where-Object { $commands.Contains($_) })[0]
  if ($null -eq $command) { $command = '' }
  $lead = ''
  $last = $wordToComplete
  $before = if ($typed.Count -gt 0) { $typed[-1] } else { '' }
  if ($wordToComplete -match '^(--[^=]+)=(.*)$') { $before = $Matches[1]; $lead = "$before="; $last = $Matches[2] }
  $key = "$command $before"
  if ($values.ContainsKey($key)) {
    if ($last -match '^(.*,)([^,]*)$') { $lead += $Matches[1]; $last = $Matches[2] }
    $values[$key] | Where-Object { $_ -like "$last*" } | ForEach-Object {
      [System.Management.Automation.CompletionResult]::new("$lead$_", $_, 'ParameterValue', $_)
    }
    return
  }
  if ($command -eq '') {
    $commands.GetEnumerator() | Where-Object { $_.Key -like "$wordToComplete*" } | ForEach-Object {
      [System.Management.Automation.CompletionResult]::new($_.Key, $_.Key, 'Command', $_.Value)
    }
  }
  @($words[$command]) | Where-Object { $_ -and $_ -like "$wordToComplete*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
  $options[$command].GetEnumerator() | Where-Object { $_.Key -like "$wordToComplete*" } | Sort-Object Key | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_.Key, $_.Key, 'ParameterName', $_.Value)
  }
}
`;
}

function optionLines(options: readonly Completion[]): string {
  return options.map(({ option, description }) => `      ${quoted(option)} = ${quoted(description)}`).join("\n");
}

function valueLines(options: readonly (readonly [command: string, option: Completion])[]): string {
  return options
    .flatMap(([command, { option, value }]) => {
      if (value.kind !== "words") return [];
      return [`    ${quoted(`${command} ${option}`)} = @(${value.words.map(quoted).join(", ")})`];
    })
    .join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
