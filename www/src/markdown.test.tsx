import { type ComponentChildren, isValidElement } from 'preact';
import { expect, test } from 'vitest';
import { Markdown } from './markdown.tsx';

/** The elements as text: `<p>a<strong>b</strong></p>`, with all attributes and with text marked by its quotes. */
function show(node: ComponentChildren): string {
  if (node === null || node === undefined || typeof node === 'boolean') return '';
  if (Array.isArray(node)) return node.map(show).join('');
  if (!isValidElement(node)) return JSON.stringify(node);
  const { type } = node;
  const { children, ...attributes } = node.props as Record<string, unknown> & {
    children?: ComponentChildren;
  };
  if (typeof type === 'function') return show((type as (props: unknown) => ComponentChildren)(node.props));
  const list = Object.entries(attributes).map(([name, value]) => ` ${name}=${value}`);
  return `<${type}${list.join('')}>${show(children)}</${type}>`;
}

test.each([
  ['a **b** *c* `d`', '<p>"a "<strong>"b"</strong>" "<em>"c"</em>" "<code>"d"</code></p>'],
  ['# A', '<h3>"A"</h3>'],
  ['one\ntwo', '<p>"one"<br></br>"two"</p>'],
  ['3. x\n4. y', '<ol start=3><li>"x"</li><li>"y"</li></ol>'],
  ['- x\n  - y', '<ul><li>"x"<ul><li>"y"</li></ul></li></ul>'],
  ['```js\na < b\n```', '<pre tabIndex=0><code>"a < b"</code></pre>'],
  ['> q', '<blockquote><p>"q"</p></blockquote>'],
  ['1 < 2 & 3', '<p>"1 < 2 & 3"</p>'],
  ['```\nunfinished', '<pre tabIndex=0><code>"unfinished"</code></pre>'],
  [
    '[t](https://example.com)',
    '<p><a href=https://example.com target=_blank rel=noopener noreferrer>"t"</a></p>',
  ],
])('%j is rendered', (text, elements) => expect(show(Markdown({ text }))).toBe(elements));

test.each([
  ['<img src=x onerror=alert(1)>', '<p>"<img src=x onerror=alert(1)>"</p>'],
  ['a <b onclick=alert(1)>c</b>', '<p>"a ""<b onclick=alert(1)>""c""</b>"</p>'],
  ['[t](javascript:alert(1))', '<p>"t"</p>'],
  ['[t](data:text/html,x)', '<p>"t"</p>'],
  ['![secret](https://example.com/?q=secret)', '<p>"secret"</p>'],
])('%j stays text: no markup, no script, no fetch', (text, elements) => {
  expect(show(Markdown({ text }))).toBe(elements);
});
