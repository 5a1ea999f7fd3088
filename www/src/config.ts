import type { CloudOptions, EvidenceOptions, SignedKeys } from 'tidegate';

/** What the site offers: `/tidegate.json`, beside the page. */
export interface SiteConfig {
  /** URL of the model's manifest. */
  model: string;
  /** Absent when the site has no relay: then nothing can leave the page. */
  cloud?: CloudOptions;
  /** How likely the model's answers stand, as `tidegate calibrate` wrote it; absent: what Tidegate knows of the file. */
  calibration?: object;
}

/** The model's manifest, as far as a person is told about it before the download. */
export interface ModelCard {
  name: string;
  bytes: number;
  license: string;
}

/** Without a configuration the page answers alone, with the model that the demo server offers. */
export const LOCAL_ONLY: SiteConfig = { model: '/models/SmolLM2-135M-Instruct.Q4_1.json' };

/**
 * Reads a site's configuration.
 *
 * A wrong one is an error and not silently local-only: whoever wrote it wanted a cloud and should hear why not.
 */
export function parseConfig(json: unknown): SiteConfig {
  const root = record('tidegate.json', json);
  const model = root.model === undefined ? LOCAL_ONLY.model : text('tidegate.json: model', root.model);
  const local: SiteConfig = {
    model,
    ...(root.calibration === undefined || root.calibration === null
      ? {}
      : { calibration: record('tidegate.json: calibration', root.calibration) }),
  };
  if (root.cloud === undefined || root.cloud === null) return local;
  const cloud = record('tidegate.json: cloud', root.cloud);
  if (!Array.isArray(cloud.relays) || cloud.relays.length === 0) {
    throw new Error('tidegate.json: cloud.relays must list at least one relay URL');
  }
  return {
    ...local,
    cloud: {
      relays: cloud.relays.map((relay) => text('tidegate.json: cloud.relays', relay)),
      keys: keys(cloud.keys),
      ...(cloud.evidence === undefined || cloud.evidence === null
        ? {}
        : {
            evidence: record('tidegate.json: cloud.evidence', cloud.evidence) as unknown as EvidenceOptions,
          }),
      ...(cloud.model === undefined || cloud.model === null
        ? {}
        : { model: text('tidegate.json: cloud.model', cloud.model) }),
    },
  };
}

/** Reads the part of a manifest that the page shows. */
export function parseModelCard(json: unknown): ModelCard {
  const root = record('model manifest', json);
  if (typeof root.bytes !== 'number') throw new Error('model manifest: bytes must be a number');
  return {
    name: text('model manifest: name', root.name),
    bytes: root.bytes,
    license: text('model manifest: license', root.license),
  };
}

/** `/tidegate.json`, or the local-only default where the site has none. */
export async function loadConfig(): Promise<SiteConfig> {
  const response = await fetch('tidegate.json');
  if (response.status === 404) return LOCAL_ONLY;
  if (!response.ok) throw new Error(`tidegate.json: the server answered ${response.status}`);
  // A host that serves the page for every unknown path has no configuration either.
  if (response.headers.get('content-type')?.startsWith('text/html')) return LOCAL_ONLY;
  return parseConfig(await response.json());
}

export async function loadModelCard(config: SiteConfig): Promise<ModelCard> {
  const response = await fetch(config.model);
  if (!response.ok) throw new Error(`${config.model}: the server answered ${response.status}`);
  return parseModelCard(await response.json());
}

/** Pinned, or from signed lists, which the package checks. */
function keys(value: unknown): string | SignedKeys {
  const name = 'tidegate.json: cloud.keys';
  if (typeof value !== 'object' || value === null) return text(name, value);
  return record(name, value) as unknown as SignedKeys;
}

function record(name: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${name} must be an object`);
  }
  return value as Record<string, unknown>;
}

function text(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new Error(`${name} must be a text`);
  return value;
}
