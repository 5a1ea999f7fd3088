import { lexer, type Token, type Tokens } from 'marked';
import type { ComponentChildren } from 'preact';

/**
 * An answer's Markdown as elements.
 *
 * Tokens become elements one by one and HTML becomes text, so nothing in an answer can become markup. Pictures
 * are not fetched: an address in an answer could carry words of the conversation away.
 */
export function Markdown({ text }: { text: string }) {
  // A single line break is one: models mean it so.
  return <>{blocks(lexer(text, { gfm: true, breaks: true }))}</>;
}

function blocks(tokens: readonly Token[]): ComponentChildren {
  return tokens.map((token, i) => <Block key={i} token={token} />);
}

function inlines(tokens: readonly Token[] | undefined): ComponentChildren {
  return tokens?.map((token, i) => <Inline key={i} token={token} />);
}

function Block({ token }: { token: Token }) {
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading': {
      const { depth, tokens } = token as Tokens.Heading;
      // The page's own headings are h1 and h2.
      const Heading = `h${Math.min(depth + 2, 6)}` as 'h3' | 'h4' | 'h5' | 'h6';
      return <Heading>{inlines(tokens)}</Heading>;
    }
    case 'paragraph':
      return <p>{inlines(token.tokens)}</p>;
    case 'code':
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: wide code scrolls, and scrolling needs the focus
        <pre tabIndex={0}>
          <code>{(token as Tokens.Code).text}</code>
        </pre>
      );
    case 'blockquote':
      return <blockquote>{blocks(token.tokens ?? [])}</blockquote>;
    case 'list':
      return <List list={token as Tokens.List} />;
    case 'table':
      return <Table table={token as Tokens.Table} />;
    case 'hr':
      return <hr />;
    case 'text':
      return <>{token.tokens ? inlines(token.tokens) : token.text}</>;
    default:
      return <p>{token.raw}</p>;
  }
}

function List({ list }: { list: Tokens.List }) {
  const items = list.items.map((item, i) => <li key={i}>{blocks(item.tokens)}</li>);
  return list.ordered ? <ol start={list.start === '' ? 1 : list.start}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table }: { table: Tokens.Table }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls, and scrolling needs the focus
    <div class="table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {table.header.map((cell, i) => (
              <th key={i}>{inlines(cell.tokens)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => (
                <td key={j}>{inlines(cell.tokens)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Inline({ token }: { token: Token }) {
  switch (token.type) {
    case 'strong':
      return <strong>{inlines(token.tokens)}</strong>;
    case 'em':
      return <em>{inlines(token.tokens)}</em>;
    case 'del':
      return <del>{inlines(token.tokens)}</del>;
    case 'codespan':
      return <code>{(token as Tokens.Codespan).text}</code>;
    case 'br':
      return <br />;
    case 'link': {
      const { href, tokens } = token as Tokens.Link;
      if (!safe(href)) return <>{inlines(tokens)}</>;
      return (
        <a href={href} target="_blank" rel="noopener noreferrer">
          {inlines(tokens)}
        </a>
      );
    }
    case 'image':
      return <>{(token as Tokens.Image).text}</>;
    case 'escape':
      return <>{token.text}</>;
    case 'text':
      return <>{'tokens' in token ? inlines(token.tokens) : token.text}</>;
    default:
      return <>{token.raw}</>;
  }
}

function safe(href: string): boolean {
  return /^(https?:|mailto:)/i.test(href);
}
