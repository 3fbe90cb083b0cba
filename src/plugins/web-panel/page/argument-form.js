import { build } from './build-element.js';

/**
 * A form for a command's arguments, from their JSON Schema; undefined where there is nothing to ask.
 * @param onSubmit called with the arguments. @param suggest `(commandId, name)` gives values to choose from, or undefined.
 */
export function buildArgumentForm({ id, title, args }, onSubmit, suggest) {
  const required = args.required ?? [];
  const entries = Object.entries(args.properties ?? {});
  // What may all be left out is not asked for: the command is run as it is.
  if (!entries.some(([name]) => required.includes(name))) return undefined;
  const fields = entries.map(([name, schema]) => buildField(name, schema, required.includes(name), suggest(id, name)));
  const form = build(
    'form',
    { class: 'palette-form', 'aria-label': title },
    build('h2', {}, title),
    ...fields.map(({ element }) => element),
    build('button', { type: 'submit', class: 'primary' }, 'Run'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const given = fields.map(({ name, read }) => [name, read()]).filter(([, value]) => value !== undefined);
    onSubmit(Object.fromEntries(given));
  });
  return form;
}

function buildField(name, schema, isRequired, choices = schema.enum) {
  const id = `argument-${name}`;
  const label = schema.description ?? name;
  if (schema.type === 'boolean') {
    const box = build('input', { id, type: 'checkbox' });
    return { name, element: build('label', { class: 'check' }, box, label), read: () => box.checked };
  }
  const control = choices ? buildSelect(id, choices, isRequired) : buildInput(id, schema, isRequired);
  const read = () => {
    if (control.value === '') return undefined;
    return schema.type === 'number' || schema.type === 'integer' ? Number(control.value) : control.value;
  };
  return { name, element: build('div', { class: 'field' }, build('label', { for: id }, label), control), read };
}

function buildSelect(id, choices, isRequired) {
  const options = choices.map((choice) =>
    typeof choice === 'string' ? build('option', {}, choice) : build('option', { value: choice.value }, choice.title),
  );
  return build(
    'select',
    { id, required: isRequired },
    ...(isRequired ? [] : [build('option', { value: '' }, '')]),
    ...options,
  );
}

function buildInput(id, { type, minimum, maximum }, isRequired) {
  if (type !== 'number' && type !== 'integer')
    return build('input', { id, type: 'text', required: isRequired, autocomplete: 'off' });
  const limits = { min: minimum, max: maximum, step: type === 'integer' ? '1' : 'any' };
  return build('input', { id, type: 'number', required: isRequired, ...limits });
}
