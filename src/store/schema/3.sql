-- What a decision depended on besides the mail, the rules and the register, whole as JSON, so that it can be made again;
-- none in decisions of programs before this schema.
ALTER TABLE decision ADD COLUMN circumstances TEXT;
