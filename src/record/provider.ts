/** Owns the names of model providers: agents' own words for those that the GenAI semantic conventions list. */
import { under } from "./json.ts";

const NAMES: Readonly<Record<string, string>> = {
  "amazon-bedrock": "aws.bedrock",
  bedrock: "aws.bedrock",
  "az.ai.inference": "azure.ai.inference",
  "az.ai.openai": "azure.ai.openai",
  "azure-openai": "azure.ai.openai",
  "azure-openai-responses": "azure.ai.openai",
  gemini: "gcp.gemini",
  google: "gcp.gemini",
  "google-genai": "gcp.gemini",
  "google-vertex": "gcp.vertex_ai",
  vertex_ai: "gcp.vertex_ai",
  vertexai: "gcp.vertex_ai",
  mistral: "mistral_ai",
  moonshot: "moonshot_ai",
  moonshotai: "moonshot_ai",
  "openai-native": "openai",
  xai: "x_ai",
};

/** The conventions' name of a provider, the agent's own word where they have none. */
export function providerName(word: string | undefined): string | undefined {
  return word === undefined ? undefined : (under(NAMES, word.toLowerCase()) ?? word);
}
