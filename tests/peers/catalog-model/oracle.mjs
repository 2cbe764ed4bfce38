// What Backstage says of texts: one JSON object a line in, `{"source", "text"}`; one a line out, with a verdict for each document.
//
//     node oracle.mjs NODE_MODULES < texts
//
// A document is accepted when the policies and the validator of its kind and type accept it. Its relations are those of the
// backend's `ModelProcessor`, by the fields that the model itself declares; of templates, those of the scaffolder's processor.

import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';

const require = createRequire(path.join(path.resolve(process.argv[2]), '..', 'oracle.cjs'));
const model = require('@backstage/catalog-model');
const alpha = require('@backstage/catalog-model/alpha');
const scaffolder = require('@backstage/plugin-scaffolder-common');
const yaml = require('yaml');

const policies = model.EntityPolicies.allOf([
  new model.SchemaValidEntityPolicy(),
  new model.DefaultNamespaceEntityPolicy(),
  new model.NoForeignRootFieldsEntityPolicy(),
  new model.FieldFormatEntityPolicy(),
]);

const compiled = alpha.compileCatalogModel([
  alpha.defaultCatalogEntityModel, alpha.aiResourceEntityModel, alpha.mcpServerApiEntityModel,
]);

const validators = {
  API: type => type === 'mcp-server' ? alpha.mcpServerApiEntityValidator : model.apiEntityV1alpha1Validator,
  AiResource: type => ({
    skill: alpha.skillAiResourceEntityV1alpha1Validator,
    rule: alpha.ruleAiResourceEntityV1alpha1Validator,
    plugin: alpha.pluginAiResourceEntityV1alpha1Validator,
    marketplace: alpha.marketplaceAiResourceEntityV1alpha1Validator,
  }[type] ?? alpha.aiResourceEntityV1alpha1Validator),
  Component: () => model.componentEntityV1alpha1Validator,
  Domain: () => model.domainEntityV1alpha1Validator,
  Group: () => model.groupEntityV1alpha1Validator,
  Location: () => model.locationEntityV1alpha1Validator,
  Resource: () => model.resourceEntityV1alpha1Validator,
  System: () => model.systemEntityV1alpha1Validator,
  Template: () => scaffolder.templateEntityV1beta3Validator,
  User: () => model.userEntityV1alpha1Validator,
};

function relationFields(entity) {
  const owner = { path: 'spec.owner', relation: 'ownedBy', defaultKind: 'Group', allowedKinds: ['Group', 'User'] };
  return entity.kind === 'Template' ? [owner] : compiled.getKind(entity).relationFields;
}

function relations(entity) {
  const found = new Set();
  for (const field of relationFields(entity)) {
    const value = entity.spec?.[field.path.split('.')[1]];
    for (const text of [value ?? []].flat().filter(text => text && typeof text === 'string')) {
      let target;
      try {
        target = model.parseEntityRef(text, { defaultKind: field.defaultKind, defaultNamespace: entity.metadata.namespace ?? 'default' });
      } catch {
        continue;
      }
      const allowed = field.allowedKinds;
      if (!allowed || allowed.some(kind => kind.toLowerCase() === target.kind.toLowerCase())) {
        found.add(`${field.relation} ${model.stringifyEntityRef(target)}`);
      }
    }
  }
  return [...found].sort();
}

async function judge(document) {
  if (document === null || typeof document !== 'object' || Array.isArray(document)) {
    return { accepted: false, why: 'no object' };
  }
  try {
    // A policy may put defaults in; what is compared is what was written.
    const entity = await policies.enforce(structuredClone(document));
    const validator = Object.hasOwn(validators, entity.kind) ? validators[entity.kind](entity.spec?.type) : undefined;
    if (!validator || !(await validator.check(entity))) {
      return { accepted: false, why: 'no validator knows the kind' };
    }
  } catch (error) {
    return { accepted: false, why: String(error.message) };
  }
  return { accepted: true, relations: relations(document), entity: document };
}

function documents({ source, text }) {
  if (source.endsWith('.json')) {
    return [JSON.parse(text)];
  }
  // As the backend reads a file: `parseEntityYaml`.
  const read = document => {
    try {
      return document.errors.length ? undefined : document.toJSON();
    } catch {
      // An alias without its anchor shows here only.
      return undefined;
    }
  };
  return yaml.parseAllDocuments(text, { merge: false }).map(read).filter(document => document !== null);
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const verdicts = [];
  for (const document of documents(JSON.parse(line))) {
    verdicts.push(document === undefined ? { accepted: false, why: 'no YAML' } : await judge(document));
  }
  console.log(JSON.stringify(verdicts));
}
